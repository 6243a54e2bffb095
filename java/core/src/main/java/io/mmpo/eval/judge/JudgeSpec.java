package io.mmpo.eval.judge;

import java.net.URI;
import java.util.Optional;

/**
 * A judge that is asked over a network.
 *
 * @param model as the vendor names it
 * @param keyVariable environment variable that holds the key; empty: no key is sent
 * @param temperature NaN leaves the vendor's
 * @param topLogprobs likeliest first tokens that are asked for with their log-probabilities; 0: none
 */
public record JudgeSpec(
        String name,
        Wire wire,
        String model,
        URI baseUrl,
        Optional<String> keyVariable,
        int maxTokens,
        double temperature,
        int topLogprobs,
        Optional<Price> price) {

    /** The interface of a vendor. */
    public enum Wire {
        /** Chat completions, which many servers offer. */
        OPENAI("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        /** Messages. */
        ANTHROPIC("anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY");

        private final String key;
        private final URI vendor;
        private final String keyVariable;

        Wire(String key, String vendor, String keyVariable) {
            this.key = key;
            this.vendor = URI.create(vendor);
            this.keyVariable = keyVariable;
        }

        String key() {
            return key;
        }

        URI vendor() {
            return vendor;
        }

        String keyVariable() {
            return keyVariable;
        }
    }

    /** The same judge, which then answers nothing where a key is wanted. */
    public JudgeSpec withoutKey() {
        return new JudgeSpec(name, wire, model, baseUrl, Optional.empty(), maxTokens, temperature, topLogprobs, price);
    }

    /** All that its replies depend on beside the question. */
    public String identity() {
        return String.join(
                " ",
                wire.key(),
                baseUrl.toString(),
                model,
                Integer.toString(maxTokens),
                Double.toString(temperature),
                Integer.toString(topLogprobs));
    }
}
