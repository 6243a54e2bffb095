package io.mmpo.quickstart;

/** What became of one model. trainSeconds: of its training alone. winRate: against SFT. */
record StageResult(Stage stage, HeldOut.Measurement heldOut, WinRate winRate, double trainSeconds) {}
