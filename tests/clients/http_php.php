<?php
// Publishes and listens over HTTP with the curl of PHP.
//
// Usage: http_php.php publish URL
//        http_php.php listen URL CHANNEL...
//
// What listens prints each event as one line of JSON, its name and its data, and comes back whenever a stream ends, until it
// hears `stop`. tests/it/http/foreign_clients.rs is at the other end, and says what is published.

const DEADLINE_SECONDS = 60;
[, $what, $url] = $argv;
$channel = '/publish/' . implode('/', array_map('rawurlencode', ['clients', 'say hello ä€']));
// One handle is one session.
$curl = curl_init();

function fail(string $why): never
{
    fwrite(STDERR, $why . "\n");
    exit(1);
}

function expect($found, $expected): void
{
    if ($found !== $expected) {
        fail(json_encode($found) . ' in place of ' . json_encode($expected));
    }
}

/** The answer to a publication, whose status has to be this, and its headers. */
function ask(int $expected, string $path, string $body, ?string $password = 'known', array $headers = []): array
{
    global $curl, $url;
    $headers += ['Content-Type' => 'application/json'];
    if ($password !== null) {
        $headers['Authorization'] = "Bearer $password";
    }
    $heard = [];
    curl_reset($curl);
    curl_setopt_array($curl, [
        CURLOPT_URL => $url . $path,
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_HTTPHEADER => array_map(fn ($name) => "$name: $headers[$name]", array_keys($headers)),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => DEADLINE_SECONDS,
        CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$heard) {
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            $heard[strtolower($name)] = trim($value);
            return strlen($line);
        },
    ]);
    return checked($expected, $heard);
}

/** What has been prepared, done. */
function checked(int $expected, array &$heard): array
{
    global $curl;
    $text = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    if ($status !== $expected) {
        fail("$status in place of $expected: $text " . curl_error($curl));
    }
    $answer = json_decode($text, true);
    if ($expected >= 400) {
        expect([$heard['content-type'], $answer['status']], ['application/problem+json', $expected]);
    }
    return [$answer, $heard];
}

/** Publishes in pieces. */
function upload(string $path, array $pieces): void
{
    global $curl, $url;
    $heard = [];
    curl_reset($curl);
    curl_setopt_array($curl, [
        CURLOPT_URL => $url . $path,
        CURLOPT_UPLOAD => true,
        CURLOPT_CUSTOMREQUEST => 'POST',
        CURLOPT_HTTPHEADER => ['Authorization: Bearer known', 'Transfer-Encoding: chunked'],
        CURLOPT_READFUNCTION => function () use (&$pieces) {
            return array_shift($pieces) ?? '';
        },
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => DEADLINE_SECONDS,
    ]);
    checked(202, $heard);
}

function publish(): void
{
    global $curl, $url, $channel;
    expect(file_get_contents("$url/healthz"), "ok\n");
    expect(ask(202, $channel, json_encode(['text' => 'ä€😀']))[0], ['accepted' => 1]);
    ask(202, $channel, "ä€😀\n2", 'known', ['Content-Type' => 'text/plain; charset=utf-8']);
    expect(ask(401, $channel, '1', 'unknown')[1]['www-authenticate'], 'Bearer');
    ask(403, $channel, '1', 'another');
    for ($number = 0; $number < 100; $number++) {
        ask(202, $channel, (string) $number);
        $number === 0 || expect(curl_getinfo($curl, CURLINFO_NUM_CONNECTS), 0);
    }
    $lines = "{\"channel\":\"list\",\"content\":1}\n\n{\"channel\":\"list\",\"content\":[\"ä\",2]}\n";
    $listed = ask(202, '/publish', $lines, 'known', ['Content-Type' => 'application/x-ndjson'])[0];
    expect($listed, ['accepted' => 2, 'results' => [['status' => 202], ['status' => 202]]]);
    upload($channel, ['["a",', '"ä",', '3]']);
    ask(202, $channel, json_encode(str_repeat('x', 2_000_000)));
    ask(413, $channel, json_encode(str_repeat('x', 6_000_000)));
    ask(401, $channel, json_encode(str_repeat('x', 2_000_000)), null);
    $key = ['Idempotency-Key' => bin2hex(random_bytes(16))];
    $answers = array_map(fn () => ask(202, $channel, '"once"', 'known', $key), [1, 2]);
    expect($answers[1][1]['idempotency-replayed'], 'true');
    ask(202, $channel, '"last"');
    echo "the conversation took place\n";
}

/** Prints an event; whether it was `stop`. */
function show(string $event): bool
{
    $fields = ['event' => [], 'data' => []];
    foreach (explode("\n", $event) as $line) {
        [$name, $value] = explode(': ', $line, 2) + [1 => ''];
        $fields[$name][] = $value;
    }
    $data = implode("\n", $fields['data']);
    if ($data !== '') {
        echo json_encode([$fields['event'][0] ?? 'message', $data]), "\n";
    }
    return str_contains($data, '"stop"');
}

function listen(array $channels): void
{
    global $curl, $url;
    $query = implode('&', array_map(fn ($channel) => 'channel=' . urlencode($channel), $channels));
    $stops = false;
    while (!$stops) {
        $text = '';
        curl_setopt_array($curl, [
            CURLOPT_URL => "$url/events?$query",
            CURLOPT_HTTPHEADER => ['Authorization: Bearer known', 'Accept: text/event-stream'],
            CURLOPT_FAILONERROR => true,
            CURLOPT_TIMEOUT => DEADLINE_SECONDS,
            CURLOPT_WRITEFUNCTION => function ($curl, $piece) use (&$text, &$stops) {
                $events = explode("\n\n", $text . $piece);
                $text = array_pop($events);
                foreach ($events as $event) {
                    $stops = $stops || show($event);
                }
                return $stops ? -1 : strlen($piece);
            },
        ]);
        curl_exec($curl);
        if (!$stops && !in_array(curl_errno($curl), [CURLE_OK, CURLE_COULDNT_CONNECT])) {
            fail(curl_error($curl));
        }
        // The relay may be between two starts.
        usleep(20_000);
    }
}

$what === 'publish' ? publish() : listen(array_slice($argv, 3));
