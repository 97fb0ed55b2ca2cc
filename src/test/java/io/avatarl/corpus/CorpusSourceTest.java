package io.avatarl.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.avatarl.config.UserError;
import io.avatarl.corpus.CorpusSource.Found;
import io.avatarl.files.Sha256;
import io.avatarl.files.Storage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

@Tag("numerical")
class CorpusSourceTest {
  private static final byte[] PUBLIC_TEXT = "Enter a ghost.\n".getBytes(UTF_8);
  private static final String PUBLIC_SHA256 = Sha256.of(PUBLIC_TEXT);
  private static final byte[] OTHER_TEXT = "Exit, pursued.\n".getBytes(UTF_8);

  @TempDir Path home;

  private final AtomicInteger requests = new AtomicInteger();
  private HttpServer server;
  private URI address;
  private int status = 200;
  private byte[] answer = PUBLIC_TEXT;

  @BeforeEach
  void startServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/input.txt",
        exchange -> {
          requests.incrementAndGet();
          exchange.sendResponseHeaders(status, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
    address = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/input.txt");
  }

  @AfterEach
  void stopServer() {
    server.stop(0);
  }

  private CorpusSource source(Map<String, String> environment) {
    return new CorpusSource(
        new Storage(new Configuration()), home.toString(), environment, address, PUBLIC_SHA256);
  }

  private Found find() {
    return source(Map.of()).find(Optional.empty(), Optional.empty());
  }

  private Path data() {
    return home.resolve("data/tinyshakespeare/input.txt");
  }

  private String write(String name, byte[] bytes) throws IOException {
    Path path = home.resolve(name);
    Files.createDirectories(path.getParent());
    return Files.write(path, bytes).toString();
  }

  @Test
  void theNamedPathComesFirstThenTheVariableThenTheDataDirectory() throws IOException {
    String explicit = write("explicit.txt", OTHER_TEXT);
    String variable = write("variable.txt", new byte[] {'v'});
    write("data/tinyshakespeare/input.txt", PUBLIC_TEXT);
    CorpusSource source = source(Map.of("AVATARL_CORPUS", variable));

    Found found = source.find(Optional.of(explicit), Optional.empty());
    assertArrayEquals(OTHER_TEXT, found.bytes());
    assertEquals(explicit, found.name());

    found = source.find(Optional.empty(), Optional.empty());
    assertArrayEquals(new byte[] {'v'}, found.bytes());
    assertEquals(variable, found.name());

    found = source(Map.of("AVATARL_CORPUS", " ")).find(Optional.empty(), Optional.empty());
    assertArrayEquals(PUBLIC_TEXT, found.bytes());
    assertEquals("tinyshakespeare", found.name());
    assertFalse(found.generated());
    assertEquals(List.of(), found.warnings());
    assertEquals(0, requests.get(), "nothing was downloaded");
  }

  @Test
  void aGoodDownloadIsKeptForTheNextTime() throws IOException {
    Found found = find();
    assertArrayEquals(PUBLIC_TEXT, found.bytes());
    assertEquals("tinyshakespeare", found.name());
    assertFalse(found.generated());
    assertEquals(List.of(), found.warnings());
    assertArrayEquals(PUBLIC_TEXT, Files.readAllBytes(data()));
    try (Stream<Path> neighbours = Files.list(data().getParent())) {
      assertEquals(1, neighbours.count());
    }
    assertArrayEquals(PUBLIC_TEXT, find().bytes());
    assertEquals(1, requests.get());
  }

  @Test
  void aHomeThatCannotBeWrittenCostsOnlyAWarning() throws IOException {
    write("data", new byte[0]); // a file where the directory should be
    Found found = find();
    assertArrayEquals(PUBLIC_TEXT, found.bytes());
    assertEquals(1, found.warnings().size());
    assertThat(found.warnings().get(0))
        .startsWith("The download was not saved: Cannot write " + data());
  }

  @Test
  void aDownloadOfAnotherTextIsRefusedAndNotKept() throws IOException {
    answer = OTHER_TEXT;
    assertSays(
        "The download "
            + address
            + " has SHA-256 "
            + Sha256.of(OTHER_TEXT)
            + " and not the expected "
            + PUBLIC_SHA256
            + "; try again, or name a text with --corpus",
        this::find);
    assertHomeIsEmpty();
  }

  @Test
  void anAnswerThatIsNotTheTextIsRefusedAndNotReplacedByAPlay() throws IOException {
    status = 404;
    assertSays(
        "The download " + address + " answered HTTP 404; try again, or name a text with --corpus",
        this::find);
    assertHomeIsEmpty();
  }

  @Test
  void whereNoNetworkAnswersAPlayIsGeneratedAndSaidToBe() throws IOException {
    server.stop(0);
    Found found = find();
    assertTrue(found.generated());
    assertEquals("generated", found.name());
    assertEquals(1_100_000, found.bytes().length);
    assertArrayEquals(found.bytes(), find().bytes());
    String warning = found.warnings().get(0);
    assertEquals(1, warning.lines().count());
    assertThat(warning).contains("No network answered at " + address, "GENERATED", "--corpus");
    assertHomeIsEmpty();
    Corpus.of(found.name(), found.bytes(), 0.1).requireWindows(1024);
  }

  @Test
  void aDamagedDataFileIsRefusedAndLeftAlone() throws IOException {
    write("data/tinyshakespeare/input.txt", OTHER_TEXT);
    assertSays(
        data()
            + " has SHA-256 "
            + Sha256.of(OTHER_TEXT)
            + " and not the expected "
            + PUBLIC_SHA256
            + "; delete it to download it again, or name another with --corpus",
        this::find);
    assertArrayEquals(OTHER_TEXT, Files.readAllBytes(data()));
    assertEquals(0, requests.get());
  }

  @Test
  void theUsersOwnChecksumIsHeldToWhateverIsFound() throws IOException {
    String explicit = write("explicit.txt", OTHER_TEXT);
    CorpusSource source = source(Map.of());
    Optional<String> upperCase = Optional.of(Sha256.of(OTHER_TEXT).toUpperCase());
    assertArrayEquals(OTHER_TEXT, source.find(Optional.of(explicit), upperCase).bytes());
    assertSays(
        "Corpus "
            + explicit
            + " has SHA-256 "
            + Sha256.of(OTHER_TEXT)
            + " and not the expected "
            + PUBLIC_SHA256
            + "; name another text with --corpus or correct corpus.sha256",
        () -> source.find(Optional.of(explicit), Optional.of(PUBLIC_SHA256)));
    server.stop(0);
    UserError error =
        assertThrows(
            UserError.class, () -> source.find(Optional.empty(), Optional.of(PUBLIC_SHA256)));
    assertThat(error.getMessage())
        .startsWith("No network answered, and the generated play has SHA-256 ");
  }

  @Test
  void aNamedTextThatIsMissingIsNeverReplacedByAnother() throws IOException {
    String missing = home.resolve("none.txt").toString();
    String message = "Cannot read " + missing + ": no such file or directory; check the path";
    assertSays(message, () -> source(Map.of()).find(Optional.of(missing), Optional.empty()));
    assertSays(
        "$AVATARL_CORPUS: " + message,
        () -> source(Map.of("AVATARL_CORPUS", missing)).find(Optional.empty(), Optional.empty()));
    assertEquals(0, requests.get());
    assertHomeIsEmpty();
  }

  private void assertHomeIsEmpty() throws IOException {
    try (Stream<Path> files = Files.list(home)) {
      assertEquals(List.of(), files.toList());
    }
  }

  private static void assertSays(String message, Executable action) {
    assertEquals(message, assertThrows(UserError.class, action).getMessage());
  }
}
