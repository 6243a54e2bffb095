package io.mmpo.hub;

import io.mmpo.MmpoException;
import io.mmpo.files.UserCache;
import io.mmpo.files.UserHome;
import java.net.URI;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Where the hub is and where its files are kept, from the environment variables of huggingface_hub: HF_ENDPOINT, HF_TOKEN,
 * HF_HUB_OFFLINE, HF_HUB_CACHE, HF_HOME.
 *
 * @param token sent to the endpoint alone
 * @param retryMillis what is waited before the first repetition of a request; doubled each time
 */
public record HubSettings(URI endpoint, Optional<String> token, boolean offline, Path cache, long retryMillis) {
    private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
    private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");
    private static final long RETRY_MILLIS = 1000;

    public static HubSettings of(Map<String, String> environment) {
        String endpoint = get(environment, "HF_ENDPOINT").orElse(DEFAULT_ENDPOINT);
        return new HubSettings(
                address(endpoint),
                get(environment, "HF_TOKEN").map(String::strip),
                YES.contains(get(environment, "HF_HUB_OFFLINE").orElse("").toUpperCase(Locale.ROOT)),
                get(environment, "HF_HUB_CACHE")
                        .map(Path::of)
                        .orElseGet(() -> home(environment).resolve("hub")),
                RETRY_MILLIS);
    }

    private static Path home(Map<String, String> environment) {
        return get(environment, "HF_HOME")
                .map(home -> Path.of(UserHome.expand(home, environment)))
                .orElseGet(() -> UserCache.ofAll(environment).resolve("huggingface"));
    }

    private static URI address(String endpoint) {
        String address = endpoint.endsWith("/") ? endpoint.substring(0, endpoint.length() - 1) : endpoint;
        if (!address.matches("https?://[^/?#@\\s]+(/[^?#@\\s]*)?")) {
            throw MmpoException.configuration(
                    "HF_ENDPOINT must be the address of a hub, as %s is; got '%s'", DEFAULT_ENDPOINT, endpoint);
        }
        return URI.create(address);
    }

    private static Optional<String> get(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
    }

    /** Whether a request to this address may carry the token. */
    boolean isEndpoint(URI uri) {
        return uri.getScheme().equals(endpoint.getScheme())
                && uri.getAuthority().equals(endpoint.getAuthority());
    }

    /** Without the token. */
    @Override
    public String toString() {
        return endpoint + (offline ? " (offline), cached in " : ", cached in ") + cache;
    }
}
