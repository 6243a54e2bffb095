package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

import java.util.List;

/**
 * What a decoder's attention has beside Llama's.
 *
 * @param normsHeads every head's query and key go through an RMSNorm before they are rotated
 * @param window how many tokens a token of a sliding layer sees, itself included; of no meaning where no layer slides
 * @param slidingLayers from 0, ascending
 * @param unrotatedLayers those without rotary positions
 */
public record AttentionStyle(
        boolean normsHeads, long window, List<Integer> slidingLayers, List<Integer> unrotatedLayers) {
    public static final AttentionStyle LLAMA = new AttentionStyle(false, 0, List.of(), List.of());

    public AttentionStyle {
        require(slidingLayers.isEmpty() || window >= 1, "sliding_window must be at least 1, got %d", window);
        slidingLayers = List.copyOf(slidingLayers);
        unrotatedLayers = List.copyOf(unrotatedLayers);
    }
}
