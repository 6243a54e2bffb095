package io.mmpo.data;

import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizedGroup;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Several data sets as one, each as often as its weight says: 1 takes every group once, 2 twice, 0.5 a half of them, drawn by the
 * seed and the same in every epoch. Groups come one data set after another; rows are counted through all of them.
 */
public final class MixedData implements TokenizedDataset {
    /** A data set and how often it is taken. */
    public record Part(TokenizedDataset data, double weight) {}

    private final List<Part> parts;
    private final long seed;
    private @Nullable Choice choice;

    /** groups: of each part those that are taken; rowsBefore: the rows of the parts before it. */
    private record Choice(int[][] groups, int[] rowsBefore) {}

    public MixedData(List<Part> parts, long seed) {
        this.parts = List.copyOf(parts);
        this.seed = seed;
    }

    @Override
    public int size() {
        return Arrays.stream(choice().groups).mapToInt(groups -> groups.length).sum();
    }

    @Override
    public OptionalInt sizeIfKnown() {
        boolean known = true;
        for (Part part : parts) {
            known &= part.data().sizeIfKnown().isPresent();
        }
        return known ? OptionalInt.of(size()) : OptionalInt.empty();
    }

    @Override
    public Reading reading() {
        return parts.stream().map(part -> part.data().reading()).reduce(new Reading(0, 0, 0), Reading::plus);
    }

    @Override
    public boolean awaitEnd(long millis) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        for (Part part : parts) {
            if (!part.data().awaitEnd(Math.max(1, TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())))) {
                return false;
            }
        }
        return true;
    }

    /** Waits for the end of every data set: how many groups each gives is known then. */
    @Override
    public boolean has(int index) {
        return index >= 0 && index < size();
    }

    @Override
    public TokenizedGroup get(int index) {
        Place place = place(index);
        TokenizedGroup group = parts.get(place.part).data().get(place.group);
        return new TokenizedGroup(choice().rowsBefore[place.part] + group.row(), group.prompt(), group.completions());
    }

    @Override
    public int numTokens(int index) {
        Place place = place(index);
        return parts.get(place.part).data().numTokens(place.group);
    }

    /** Of the rows that were read, each counted once. */
    @Override
    public DatasetSummary summary() {
        return DatasetSummary.of(
                parts.stream().map(part -> part.data().summary()).toList(),
                parts.stream()
                        .flatMapToInt(part -> TokenizedDataset.lengths(part.data()))
                        .toArray());
    }

    @Override
    public int rowsTokenized() {
        return parts.stream().mapToInt(part -> part.data().rowsTokenized()).sum();
    }

    @Override
    public Optional<String> fingerprint() {
        Fingerprint all = new Fingerprint().add("seed", Long.toString(seed));
        for (Part part : parts) {
            Optional<String> name = part.data().fingerprint();
            if (name.isEmpty()) {
                return Optional.empty();
            }
            all.add(name.get(), Double.toString(part.weight()));
        }
        return Optional.of(all.hex());
    }

    private record Place(int part, int group) {}

    private Place place(int index) {
        int[][] groups = choice().groups;
        int place = index;
        for (int i = 0; i < groups.length; i++) {
            if (place < groups[i].length) {
                return new Place(i, groups[i][place]);
            }
            place -= groups[i].length;
        }
        throw new IndexOutOfBoundsException(index);
    }

    /** Waits for the end of every data set. */
    private synchronized Choice choice() {
        if (choice == null) {
            Random random = new Random(seed); // its numbers are specified, so that a run can go on with another JDK
            int[][] groups = new int[parts.size()][];
            int[] rowsBefore = new int[parts.size()];
            int rows = 0;
            for (int i = 0; i < groups.length; i++) {
                Part part = parts.get(i);
                groups[i] = choose(part.data().size(), part.weight(), random);
                rowsBefore[i] = rows;
                rows += part.data().summary().rows();
            }
            choice = new Choice(groups, rowsBefore);
        }
        return choice;
    }

    /** Whole copies, then a sample without repetition for the rest, in the order of the data set. */
    static int[] choose(int size, double weight, Random random) {
        int[] groups = new int[Math.toIntExact(Math.max(1, Math.round(size * weight)))];
        int whole = groups.length / size * size;
        for (int i = 0; i < whole; i++) {
            groups[i] = i % size;
        }
        int left = groups.length - whole;
        int place = whole;
        for (int i = 0; i < size && left > 0; i++) {
            if (random.nextInt(size - i) < left) {
                groups[place++] = i;
                left--;
            }
        }
        return groups;
    }

    @Override
    public void close() {
        parts.forEach(part -> part.data().close());
    }
}
