package io.mmpo.report;

import java.util.List;

/** Marks in the order in which they are painted. */
record Drawing(double width, double height, List<Mark> marks) {}
