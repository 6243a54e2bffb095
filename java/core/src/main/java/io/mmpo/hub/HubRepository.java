package io.mmpo.hub;

import io.mmpo.MmpoException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model or a data set on a hub.
 *
 * @param id owner/name
 * @param revision a branch, a tag or a commit
 */
public record HubRepository(Type type, String id, String revision) {
    /** As the hub's addresses and its cache spell them. */
    public enum Type {
        MODEL("models", "", "model"),
        DATASET("datasets", "datasets/", "data set");

        final String plural;
        final String pathPrefix;
        final String noun;

        Type(String plural, String pathPrefix, String noun) {
            this.plural = plural;
            this.pathPrefix = pathPrefix;
            this.noun = noun;
        }
    }

    private static final String NAME = "[A-Za-z0-9_](?:[\\w.\\-]{0,94}\\w)?";
    private static final Pattern REFERENCE =
            Pattern.compile("(" + NAME + "/" + NAME + ")(?:@([\\w][\\w./\\-]{0,254}))?");
    private static final String DEFAULT_REVISION = "main";

    /** Empty where the text is no owner/name or owner/name@revision. */
    public static Optional<HubRepository> parse(Type type, String text) {
        Matcher matcher = REFERENCE.matcher(text);
        if (!matcher.matches() || text.contains("..") || text.contains("--")) {
            return Optional.empty();
        }
        String revision = matcher.group(2);
        return Optional.of(new HubRepository(type, matcher.group(1), revision == null ? DEFAULT_REVISION : revision));
    }

    /** The same at another revision, which may not be given twice. */
    public HubRepository at(String otherRevision) {
        if (!revision.equals(DEFAULT_REVISION) && !revision.equals(otherRevision)) {
            throw MmpoException.configuration(
                    "model_revision is %s, and %s@%s names another revision; keep one of them",
                    otherRevision, id, revision);
        }
        return new HubRepository(type, id, otherRevision);
    }

    /** models--owner--name. */
    String cacheName() {
        return type.plural + "--" + id.replace("/", "--");
    }

    @Override
    public String toString() {
        return id + (revision.equals(DEFAULT_REVISION) ? "" : "@" + revision);
    }
}
