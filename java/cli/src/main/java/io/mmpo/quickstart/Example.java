package io.mmpo.quickstart;

/** A question, asked in one of its topic's ways; no two examples of a corpus ask the same text. */
record Example(Topic topic, Topic.Fact fact, String question) {}
