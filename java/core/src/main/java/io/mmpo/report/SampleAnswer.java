package io.mmpo.report;

/** What a run's model answered. */
record SampleAnswer(String prompt, String text) {}
