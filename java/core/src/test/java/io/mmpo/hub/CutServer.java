package io.mmpo.hub;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Serves one file, but ends every connection after 60,000 bytes of it. */
final class CutServer implements AutoCloseable {
    private static final int BYTES_A_CONNECTION = 60_000;

    private final HttpServer server;
    private final List<String> ranges = new CopyOnWriteArrayList<>();

    CutServer(byte[] content) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String range = exchange.getRequestHeaders().getFirst("Range");
            ranges.add(range == null ? "" : range);
            int start = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
            if (range != null) {
                exchange.getResponseHeaders()
                        .add("Content-Range", "bytes " + start + "-" + (content.length - 1) + "/" + content.length);
            }
            exchange.sendResponseHeaders(range == null ? 200 : 206, content.length - start);
            try (OutputStream body = exchange.getResponseBody()) {
                body.write(content, start, Math.min(BYTES_A_CONNECTION, content.length - start));
            }
        });
        server.start();
    }

    URI address() {
        return URI.create("http://" + server.getAddress().getHostString() + ":"
                + server.getAddress().getPort() + "/w");
    }

    /** What each request asked for; empty for the whole. */
    List<String> ranges() {
        return ranges;
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
