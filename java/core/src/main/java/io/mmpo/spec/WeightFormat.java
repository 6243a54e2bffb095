package io.mmpo.spec;

/**
 * How weights become those of a file.
 *
 * @param stochastic whether a number between two of the type becomes either, with the probability that makes it their mean, rather
 *     than the nearer one
 * @param seed of that draw, which is also a function of the tensor's name and of the place in it
 */
public record WeightFormat(WeightType type, boolean stochastic, long seed) {
    public static WeightFormat nearest(WeightType type) {
        return new WeightFormat(type, false, 0);
    }
}
