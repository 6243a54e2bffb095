package io.mmpo.hub;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Requests to a hub: repeated where that may help (429, 5xx, a broken connection), redirected by this class, so that the token goes
 * to the endpoint and nowhere else.
 */
final class HubClient {
    private static final int MAX_TRIES = 5;
    private static final int MAX_REDIRECTS = 5;
    private static final long MAX_WAIT_MILLIS = 60_000;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration HEADER_TIMEOUT = Duration.ofSeconds(60);

    private final HubSettings settings;
    private final HttpClient http = HttpClient.newBuilder()
            .connectTimeout(CONNECT_TIMEOUT)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();

    HubClient(HubSettings settings) {
        this.settings = settings;
    }

    /** The hub could not be reached at all. */
    static final class Unreachable extends IOException {
        private static final long serialVersionUID = 1L;

        Unreachable(IOException cause) {
            super(cause.toString(), cause);
        }
    }

    /**
     * The response of the last place that redirects lead to; with followAway false that of the endpoint, though it redirects to
     * another host. Any status but 429 and 5xx is the caller's to judge; after the last try those are, too.
     */
    HttpResponse<InputStream> send(String method, URI uri, Map<String, String> headers, boolean followAway)
            throws IOException {
        for (int tries = 1; ; tries++) {
            Optional<HttpResponse<InputStream>> response = Optional.empty();
            try {
                response = Optional.of(sendOnce(method, uri, headers, followAway));
                if (!isTransient(response.get().statusCode()) || tries == MAX_TRIES) {
                    return response.get();
                }
                response.get().body().close();
            } catch (IOException e) {
                if (tries == MAX_TRIES) {
                    throw new Unreachable(e);
                }
            }
            pause(waitMillis(tries, response));
        }
    }

    static boolean isTransient(int status) {
        return status == 408 || status == 429 || status >= 500;
    }

    private HttpResponse<InputStream> sendOnce(
            String method, URI first, Map<String, String> headers, boolean followAway) throws IOException {
        URI uri = first;
        for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
            HttpResponse<InputStream> response = exchange(method, uri, headers);
            Optional<String> location = response.headers().firstValue("Location");
            if (response.statusCode() / 100 != 3 || location.isEmpty()) {
                return response;
            }
            URI target = uri.resolve(location.get());
            requireWeb(target, uri);
            if (!followAway && !settings.isEndpoint(target)) {
                return response;
            }
            response.body().close();
            uri = target;
        }
        throw MmpoException.environment("%s redirects more than %d times; is HF_ENDPOINT right?", first, MAX_REDIRECTS);
    }

    private static void requireWeb(URI target, URI from) {
        boolean isWeb = "https".equals(target.getScheme()) || "http".equals(target.getScheme());
        boolean losesEncryption = "https".equals(from.getScheme()) && "http".equals(target.getScheme());
        if (!isWeb || losesEncryption || target.getHost() == null) {
            throw MmpoException.environment(
                    "%s redirects to an address that is not followed (%s://…); is HF_ENDPOINT right?",
                    from.getHost(), target.getScheme());
        }
    }

    private HttpResponse<InputStream> exchange(String method, URI uri, Map<String, String> headers) throws IOException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .timeout(HEADER_TIMEOUT)
                .header("User-Agent", "mmpo")
                .header("Accept-Encoding", "identity") // hashes are of the file itself
                .method(method, HttpRequest.BodyPublishers.noBody());
        headers.forEach(request::header);
        if (settings.isEndpoint(uri)) {
            settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
        }
        try {
            return http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private long waitMillis(int tries, Optional<HttpResponse<InputStream>> response) {
        long asked = response.flatMap(answer -> answer.headers().firstValue("Retry-After"))
                .filter(text -> text.matches("\\d{1,6}"))
                .map(text -> 1000 * Long.parseLong(text))
                .orElse(0L);
        return Math.min(MAX_WAIT_MILLIS, Math.max(asked, settings.retryMillis() << (tries - 1)));
    }

    void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private static MmpoException interrupted() {
        Thread.currentThread().interrupt();
        return MmpoException.environment("Interrupted while waiting for the hub; what was fetched so far is kept.");
    }
}
