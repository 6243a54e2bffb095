package io.mmpo.quickstart;

/** The three models that are trained; MMPO and DPO both start from SFT's. */
enum Stage {
    SFT("sft"),
    MMPO("mmpo"),
    DPO("dpo");

    private final String loss;

    Stage(String loss) {
        this.loss = loss;
    }

    /** The name of its loss_type, its configuration file and its directory. */
    String loss() {
        return loss;
    }
}
