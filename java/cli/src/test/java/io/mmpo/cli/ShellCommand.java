package io.mmpo.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A command of the command line that a page shows, as a shell cuts it into words; without the program's own name. */
record ShellCommand(Markdown page, int line, List<String> words) {
    private static final Pattern CALL = Pattern.compile("(?:\\$ )?(?:\\./)?mmpo (.*)");
    private static final Pattern WORD =
            Pattern.compile("\\$\\(cat ([^)]+)\\)|(?:[^\\s\"'#]|\"[^\"]*\"|'[^']*'|(?<=\\S)#)+|(#.*)");

    /** What stands for the reader's own. */
    private static final String ANY_NUMBER = "N";

    /** Those of a page's blocks of code, in order. */
    static List<ShellCommand> of(Markdown page) {
        List<ShellCommand> commands = new ArrayList<>();
        for (Markdown.Block block : page.blocks()) {
            for (int i = 0; i < block.lines().size(); i++) {
                Matcher call = CALL.matcher(block.lines().get(i));
                if (call.matches()) {
                    commands.add(new ShellCommand(page, block.line() + i, words(call.group(1))));
                }
            }
        }
        return commands;
    }

    static List<String> words(String line) {
        List<String> words = new ArrayList<>();
        Matcher word = WORD.matcher(line);
        while (word.find() && word.group(2) == null) {
            if (word.group(1) == null) {
                String text = word.group().replaceAll("[\"']", "");
                words.add(text.equals(ANY_NUMBER) ? "1" : text);
            } else {
                words.addAll(wordsOf(word.group(1)));
            }
        }
        return words;
    }

    private static List<String> wordsOf(String file) {
        try {
            return List.of(Files.readString(Markdown.ROOT.resolve(file)).strip().split("\\s+"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        return page.place(line) + ": mmpo " + String.join(" ", words);
    }
}
