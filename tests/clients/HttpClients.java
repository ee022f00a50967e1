// Publishes and listens over HTTP with the HttpClient of Java.
//
// Usage: java HttpClients.java publish URL
//        java HttpClients.java listen URL CHANNEL...
//
// What listens prints each event as one line of JSON, its name and its data, and comes back whenever a stream ends, until it
// hears `stop`. tests/it/http/foreign_clients.rs is at the other end, and says what is published.

import java.io.ByteArrayInputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;

public class HttpClients {
    static final Duration DEADLINE = Duration.ofSeconds(60);
    static final String CHANNEL = "/publish/clients/say%20hello%20%C3%A4%E2%82%AC";
    // As it is by default: it asks servers without TLS whether they speak HTTP/2 (Upgrade: h2c).
    static final HttpClient client = HttpClient.newHttpClient();
    static String url;

    public static void main(String[] arguments) throws Exception {
        url = arguments[1];
        if (arguments[0].equals("publish")) publish();
        else listen(Arrays.copyOfRange(arguments, 2, arguments.length));
        System.exit(0);
    }

    static void expect(Object found, Object expected) {
        if (!found.equals(expected)) throw new AssertionError(found + " in place of " + expected);
    }

    static HttpResponse<String> ask(int expected, String path, BodyPublisher body, String password, String... headers)
            throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url + path)).timeout(DEADLINE).POST(body);
        if (password != null) request.header("Authorization", "Bearer " + password);
        if (headers.length > 0) request.headers(headers);
        var answer = client.send(request.build(), BodyHandlers.ofString());
        expect(answer.statusCode(), expected);
        if (expected >= 400) expect(answer.headers().firstValue("content-type").orElse(""), "application/problem+json");
        return answer;
    }

    static HttpResponse<String> ask(int expected, String body) throws Exception {
        return ask(expected, CHANNEL, BodyPublishers.ofString(body), "known");
    }

    static BodyPublisher longText(int length) {
        return BodyPublishers.ofString('"' + "x".repeat(length) + '"');
    }

    static void publish() throws Exception {
        var health = HttpRequest.newBuilder(URI.create(url + "/healthz")).build();
        expect(client.send(health, BodyHandlers.ofString()).body(), "ok\n");
        expect(ask(202, "{\"text\":\"ä€😀\"}").body(), "{\"accepted\":1}");
        ask(202, CHANNEL, BodyPublishers.ofString("ä€😀\n2"), "known", "Content-Type", "text/plain; charset=utf-8");
        var body = BodyPublishers.ofString("1");
        // The library wants a realm in it, or asks again, where it is told of nobody who answers.
        expect(ask(401, CHANNEL, body, "unknown").headers().firstValue("www-authenticate").orElse(""), "Bearer");
        ask(403, CHANNEL, body, "another");
        for (int number = 0; number < 100; number++) ask(202, String.valueOf(number));
        var lines = "{\"channel\":\"list\",\"content\":1}\n\n{\"channel\":\"list\",\"content\":[\"ä\",2]}\n";
        var listed = ask(202, "/publish", BodyPublishers.ofString(lines), "known", "Content-Type", "application/x-ndjson");
        expect(listed.body(), "{\"accepted\":2,\"results\":[{\"status\":202},{\"status\":202}]}");
        // A stream has no length.
        var pieces = "[\"a\",\"ä\",3]".getBytes(StandardCharsets.UTF_8);
        ask(202, CHANNEL, BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(pieces)), "known");
        var big = HttpRequest.newBuilder(URI.create(url + CHANNEL)).header("Authorization", "Bearer known");
        var expecting = big.POST(longText(2_000_000)).expectContinue(true).timeout(DEADLINE).build();
        expect(client.send(expecting, BodyHandlers.ofString()).statusCode(), 202);
        // Java 17 waits for ever where an answer comes in place of 100: these expect nothing.
        ask(413, CHANNEL, longText(6_000_000), "known");
        ask(401, CHANNEL, longText(2_000_000), "unknown");
        var key = UUID.randomUUID().toString();
        HttpResponse<String> once = null;
        for (int turn = 0; turn < 2; turn++) {
            once = ask(202, CHANNEL, BodyPublishers.ofString("\"once\""), "known", "Idempotency-Key", key);
        }
        expect(once.headers().firstValue("idempotency-replayed").orElse(""), "true");
        ask(202, "\"last\"");
        System.out.println("the conversation took place");
    }

    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }

    static void listen(String[] channels) throws Exception {
        var query = Arrays.stream(channels)
            .map(channel -> "channel=" + URLEncoder.encode(channel, StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
        var request = HttpRequest.newBuilder(URI.create(url + "/events?" + query)).header("Authorization", "Bearer known");
        for (;;) {
            try {
                var lines = client.send(request.build(), BodyHandlers.ofLines());
                expect(lines.statusCode(), 200);
                if (show(lines.body().iterator())) return;
            } catch (ConnectException between) {
                // The relay is between two starts.
                Thread.sleep(20);
            }
        }
    }

    // Prints the events of one stream; whether one of them was `stop`.
    static boolean show(java.util.Iterator<String> lines) {
        var name = "message";
        List<String> data = new ArrayList<>();
        while (lines.hasNext()) {
            var line = lines.next();
            if (line.startsWith("event: ")) name = line.substring(7);
            else if (line.startsWith("data: ")) data.add(line.substring(6));
            else if (line.isEmpty() && !data.isEmpty()) {
                var text = String.join("\n", data);
                System.out.println("[" + quoted(name) + "," + quoted(text) + "]");
                if (text.contains("\"stop\"")) return true;
                name = "message";
                data.clear();
            }
        }
        return false;
    }
}
