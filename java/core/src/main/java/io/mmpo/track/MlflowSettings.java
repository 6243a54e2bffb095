package io.mmpo.track;

import io.mmpo.MmpoException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;

/**
 * Which server, experiment and run, by the variables that MLflow's own clients read.
 *
 * @param server its address, without a slash at the end
 * @param authorization of the header, which no message shows
 * @param experiment by name
 * @param run to write into instead of a new one, by id
 */
record MlflowSettings(URI server, Optional<String> authorization, String experiment, Optional<String> run) {
    private static final String SERVER = "MLFLOW_TRACKING_URI";

    static boolean isNamed(Map<String, String> environment) {
        return get(environment, SERVER).isPresent();
    }

    static MlflowSettings of(Map<String, String> environment) {
        String address = get(environment, SERVER)
                .orElseThrow(() -> MmpoException.environment(
                        "report_to mlflow needs the environment variable %s, the address of a tracking server, such as"
                                + " http://localhost:5000 (`mlflow server` starts one). Set it, or write report_to: tensorboard.",
                        SERVER));
        Optional<String> authorization = get(environment, "MLFLOW_TRACKING_TOKEN")
                .map(token -> "Bearer " + token)
                .or(() -> get(environment, "MLFLOW_TRACKING_USERNAME")
                        .map(user -> basic(
                                user,
                                get(environment, "MLFLOW_TRACKING_PASSWORD").orElse(""))));
        return new MlflowSettings(
                server(address),
                authorization,
                get(environment, "MLFLOW_EXPERIMENT_NAME").orElse("Default"),
                get(environment, "MLFLOW_RUN_ID"));
    }

    /** The address may hold a password, so it is not shown where it is refused. */
    private static URI server(String address) {
        try {
            URI uri = new URI(address.replaceAll("/+$", ""));
            boolean isHttp = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
            if (isHttp && uri.getHost() != null && uri.getUserInfo() == null) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // said below
        }
        throw MmpoException.environment(
                "%s must be the http or https address of a tracking server, without a user's name in it: metrics are sent over MLflow's"
                        + " REST interface, and to no directory or database. Start one (`mlflow server`) and name it, with"
                        + " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD where it asks for them.",
                SERVER);
    }

    private static String basic(String user, String password) {
        byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
        return "Basic " + Base64.getEncoder().encodeToString(pair);
    }

    private static Optional<String> get(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
    }
}
