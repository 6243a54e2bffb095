package io.mmpo.eval.alpaca;

/**
 * Logistic regression with an L1 penalty and no intercept: minimises
 * |w|_1 + C sum_r weight_r (log(1 + exp(z_r)) - y_r z_r), z = X w.
 * Newton's method: each step minimises the quadratic model with the penalty, one coordinate after another, and is halved until
 * the objective falls. With the few columns that there are it ends at the optimum to rounding, where liblinear stops at 1e-4.
 */
final class LassoLogistic {
    private static final int MAX_STEPS = 200;
    private static final int MAX_SWEEPS = 10_000;
    private static final double TOLERANCE = 1e-12;
    private static final int MAX_HALVINGS = 60;

    private final DesignMatrix data;
    private final double inversePenalty;

    private LassoLogistic(DesignMatrix data, double inversePenalty) {
        this.data = data;
        this.inversePenalty = inversePenalty;
    }

    /** inversePenalty: C. */
    static double[] fit(DesignMatrix data, double inversePenalty) {
        return new LassoLogistic(data, inversePenalty).fit();
    }

    static double sigmoid(double z) {
        return 1 / (1 + Math.exp(-z));
    }

    /** log(1 + exp(z)) - y z, which is -y log p - (1 - y) log(1 - p). */
    static double loss(double z, double target) {
        return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - target * z;
    }

    private double[] fit() {
        double[] w = new double[data.columns()];
        double objective = objective(w);
        for (int step = 0; step < MAX_STEPS; step++) {
            double[] direction = direction(w);
            double size = size(direction);
            if (size <= TOLERANCE * Math.max(1, size(w))) {
                break;
            }
            double[] next = plus(w, direction, 1);
            double lower = objective(next);
            double scale = 1;
            for (int i = 0; i < MAX_HALVINGS && !(lower < objective); i++) {
                scale /= 2;
                next = plus(w, direction, scale);
                lower = objective(next);
            }
            if (!(lower < objective)) {
                break; // as low as rounding lets it be
            }
            w = next;
            objective = lower;
        }
        return w;
    }

    private double objective(double[] w) {
        double sum = 0;
        for (int row = 0; row < data.rows(); row++) {
            sum += data.weights()[row] * loss(data.score(row, w), data.targets()[row]);
        }
        double penalty = 0;
        for (double value : w) {
            penalty += Math.abs(value);
        }
        return penalty + inversePenalty * sum;
    }

    /** Minimises gradient d + d H d / 2 + |w + d|_1 over d. */
    private double[] direction(double[] w) {
        int n = w.length;
        double[] gradient = new double[n];
        double[][] hessian = new double[n][n];
        for (int row = 0; row < data.rows(); row++) {
            double p = sigmoid(data.score(row, w));
            double slope = inversePenalty * data.weights()[row] * (p - data.targets()[row]);
            double curvature = inversePenalty * data.weights()[row] * p * (1 - p);
            double[] x = data.features()[row];
            for (int i = 0; i < n; i++) {
                gradient[i] += slope * x[i];
                for (int j = 0; j < n; j++) {
                    hessian[i][j] += curvature * x[i] * x[j];
                }
            }
        }
        double[] d = new double[n];
        for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
            double change = 0;
            for (int i = 0; i < n; i++) {
                change = Math.max(change, Math.abs(descend(i, w, d, gradient, hessian)));
            }
            if (change <= TOLERANCE * TOLERANCE) {
                break;
            }
        }
        return d;
    }

    /** Moves d[i] to its minimum with the others held, and says how far it went. */
    private static double descend(int i, double[] w, double[] d, double[] gradient, double[][] hessian) {
        double curvature = hessian[i][i];
        if (!(curvature > 0)) {
            return 0; // a column of zeros, which the penalty keeps at 0
        }
        double slope = gradient[i];
        for (int j = 0; j < d.length; j++) {
            slope += hessian[i][j] * d[j];
        }
        double from = w[i] + d[i];
        double free = from - slope / curvature;
        double to = Math.signum(free) * Math.max(0, Math.abs(free) - 1 / curvature);
        d[i] += to - from;
        return to - from;
    }

    private static double[] plus(double[] w, double[] direction, double scale) {
        double[] sum = new double[w.length];
        for (int i = 0; i < w.length; i++) {
            sum[i] = w[i] + scale * direction[i];
        }
        return sum;
    }

    private static double size(double[] values) {
        double largest = 0;
        for (double value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }
}
