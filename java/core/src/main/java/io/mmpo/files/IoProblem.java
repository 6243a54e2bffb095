package io.mmpo.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** What went wrong with a file, in words: the messages of java.nio are often the path alone. */
public final class IoProblem {
    private IoProblem() {}

    public static String of(IOException e) {
        return TemporaryName.withTargets(words(e));
    }

    /** Of a directory that was to be made: on its way lies a file, or a link to nothing, which Java says exists already. */
    public static String ofDirectory(IOException e) {
        return e instanceof FileAlreadyExistsException other ? other.getFile() + " is no directory" : of(e);
    }

    /** Of a file of data, or of a model, that is there and cannot be read. */
    public static MmpoException unreadable(Path file, IOException e) {
        return unreadable(MmpoException.Kind.DATA, file, e);
    }

    /** Of another file that is there and cannot be read. */
    public static MmpoException unreadable(MmpoException.Kind kind, Path file, IOException e) {
        return MmpoException.of(kind, e, "%s cannot be read: %s. Check the file and its permissions.", file, of(e));
    }

    /** Without a parser's advice to programmers: where what is not closed begins, in a text that it does not show. */
    static String withoutSource(String message) {
        return message.replaceAll(
                " \\(start marker at \\[Source: .*?; line: (\\d+), column: (\\d+)\\]\\)", " that begins in column $2");
    }

    private static String words(IOException e) {
        return switch (e) {
            case MalformedInputException text -> "it is not UTF-8";
            case JsonProcessingException json -> withoutSource(json.getOriginalMessage());
            case NoSuchFileException missing -> missing.getFile() + " does not exist";
            case AccessDeniedException denied -> "permission denied for " + denied.getFile();
            case FileAlreadyExistsException existing -> existing.getFile() + " exists already";
            case FileSystemException other
            when other.getReason() != null -> other.getReason() + " (" + other.getFile() + ")";
            case FileSystemException other -> other.getFile() + " cannot be used";
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }
}
