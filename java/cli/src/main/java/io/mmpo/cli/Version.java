package io.mmpo.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version that Maven built, without loading anything native. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {"mmpo " + number() + " (JDK " + Runtime.version() + ")"};
    }

    static String number() {
        Properties properties = new Properties();
        try (InputStream stream = Version.class.getResourceAsStream("version.properties")) {
            properties.load(stream);
        } catch (IOException e) {
            throw new IllegalStateException("version.properties cannot be read from the jar", e);
        }
        return properties.getProperty("version");
    }
}
