package io.mmpo.hub;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** A hub of models and data sets, and what of it is in Hugging Face's cache on this machine. */
public final class Hub {
    private static final int MAX_LISTING_BYTES = 64 << 20;
    private static final long TOLD_EVERY_NANOS = 5_000_000_000L;
    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder().maxNestingDepth(64).build())
                    .build())
            .build();

    private final HubSettings settings;
    private final HubClient client;
    private final Consumer<String> messages;

    /** messages: hears in one line what is fetched. */
    public Hub(HubSettings settings, Consumer<String> messages) {
        this.settings = settings;
        this.client = new HubClient(settings);
        this.messages = messages;
    }

    /** Of the environment. */
    public static Hub user(Consumer<String> messages) {
        return new Hub(HubSettings.of(System.getenv()), messages);
    }

    /**
     * A revision's files: those of the hub, or those in the cache where it is offline or cannot be reached.
     *
     * @param commit what the revision stands for
     * @param online whether files that are not in the cache can be fetched
     */
    public record Snapshot(HubRepository repository, String commit, List<String> files, boolean online) {}

    public Snapshot find(HubRepository repository) {
        HubCache cache = new HubCache(settings.cache(), repository);
        if (settings.offline()) {
            return cached(repository, cache)
                    .orElseThrow(() -> MmpoException.environment(
                            "The %s %s is not in the cache %s, and HF_HUB_OFFLINE forbids to fetch it. Unset HF_HUB_OFFLINE, or give the path of"
                                    + " a directory.",
                            repository.type().noun, repository, settings.cache()));
        }
        try {
            return listed(repository, cache);
        } catch (IOException e) {
            Optional<Snapshot> cached = cached(repository, cache);
            cached.ifPresent(found -> messages.accept("the hub at " + settings.endpoint() + " cannot be reached; "
                    + repository + " is taken from the cache as of " + found.commit()));
            return cached.orElseThrow(() -> unreachable(repository, e));
        }
    }

    /** The directory of the snapshot, with these of its files in it; what is not there is fetched and checked. */
    public Path fetch(Snapshot snapshot, List<String> files) {
        HubCache cache = new HubCache(settings.cache(), snapshot.repository());
        List<String> missing = new ArrayList<>();
        for (String name : files) {
            if (!Files.isRegularFile(cache.file(snapshot.commit(), name))) {
                missing.add(name);
            }
        }
        if (!missing.isEmpty() && !snapshot.online()) {
            throw MmpoException.environment(
                    "The cache %s has not all of %s: %s is missing, and the hub is not asked. Run once with a connection to it.",
                    settings.cache(), snapshot.repository(), missing.getFirst());
        }
        for (String name : missing) {
            try {
                fetch(snapshot, cache, name, missing.indexOf(name) + 1 + " of " + missing.size());
            } catch (IOException e) {
                throw unreachable(snapshot.repository(), e);
            }
        }
        return cache.snapshot(snapshot.commit());
    }

    private void fetch(Snapshot snapshot, HubCache cache, String name, String number) throws IOException {
        HubRepository repository = snapshot.repository();
        URI uri = URI.create(settings.endpoint() + "/" + repository.type().pathPrefix + repository.id() + "/resolve/"
                + snapshot.commit() + "/" + encodedPath(name));
        HttpResponse<InputStream> head = client.send("HEAD", uri, Map.of(), false);
        head.body().close();
        if (head.statusCode() >= 400) {
            throw refused(head, name + " of the " + repository.type().noun + " " + repository);
        }
        HubFile file = HubFile.of(name, head);
        String what = repository + ": " + name + " (" + number + ")";
        messages.accept("fetching " + what + ", " + megabytes(file.size()) + " MB");
        long[] told = {System.nanoTime()};
        new HubDownload(client, cache).fetch(uri, file, done -> {
            if (System.nanoTime() - told[0] > TOLD_EVERY_NANOS) {
                told[0] = System.nanoTime();
                messages.accept("fetching " + what + ": " + megabytes(done) + " of " + megabytes(file.size()) + " MB");
            }
        });
        cache.link(snapshot.commit(), name, file.etag());
    }

    private Snapshot listed(HubRepository repository, HubCache cache) throws IOException {
        URI uri = URI.create(settings.endpoint() + "/api/" + repository.type().plural + "/" + repository.id()
                + "/revision/" + encoded(repository.revision()));
        HttpResponse<InputStream> response = client.send("GET", uri, Map.of(), true);
        try (InputStream body = response.body();
                StallGuard guard = StallGuard.on(body)) {
            if (response.statusCode() != 200) {
                throw refused(response, "the " + repository.type().noun + " " + repository);
            }
            byte[] bytes = body.readNBytes(MAX_LISTING_BYTES);
            guard.progressed();
            JsonNode answer = JSON.readTree(bytes);
            String commit = answer.path("sha").asText();
            List<String> files = new ArrayList<>();
            answer.path("siblings")
                    .forEach(file -> files.add(file.path("rfilename").asText()));
            if (!HubCache.COMMIT.matcher(commit).matches() || files.isEmpty()) {
                throw MmpoException.environment(
                        "%s lists no files of %s as a hub does; is HF_ENDPOINT right?",
                        settings.endpoint(), repository);
            }
            files.forEach(name -> cache.file(commit, name));
            cache.setCommit(repository.revision(), commit);
            return new Snapshot(repository, commit, List.copyOf(files), true);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "%s does not answer as a hub does when it is asked for %s; is HF_ENDPOINT right?",
                    settings.endpoint(),
                    repository);
        }
    }

    private static Optional<Snapshot> cached(HubRepository repository, HubCache cache) {
        return cache.commit(repository.revision())
                .filter(commit -> !cache.files(commit).isEmpty())
                .map(commit -> new Snapshot(repository, commit, cache.files(commit), false));
    }

    /** Why a hub did not give something, and what can be done. */
    static MmpoException refused(HttpResponse<InputStream> response, String what) {
        int status = response.statusCode();
        String host = response.uri().getHost();
        return switch (status) {
            case 401, 403 ->
                MmpoException.data(
                        "%s refuses %s (status %d): it is private or gated, or does not exist. Accept its terms on its page, and set HF_TOKEN to a"
                                + " token that may read it.",
                        host, what, status);
            case 404 ->
                MmpoException.data(
                        "%s has no %s (status 404). Correct the name or the revision; a local path needs a directory or file that is there.",
                        host, what.startsWith("the ") ? what.substring("the ".length()) : what);
            case 429 ->
                MmpoException.environment(
                        "%s has had too many requests (status 429) to give %s. Wait some minutes; with HF_TOKEN set more are allowed.",
                        host, what);
            default ->
                MmpoException.environment(
                        "%s answered with status %d to a request for %s. Try again later; what was fetched is kept.",
                        host, status, what);
        };
    }

    private MmpoException unreachable(HubRepository repository, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "The %s %s could not be fetched from %s: %s. Check the connection and HF_ENDPOINT; what was fetched is kept. There is no local"
                        + " file or directory of that name either.",
                repository.type().noun,
                repository,
                settings.endpoint(),
                e.getMessage());
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static String encodedPath(String path) {
        return encoded(path).replace("%2F", "/");
    }

    private static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f", bytes * 1e-6);
    }
}
