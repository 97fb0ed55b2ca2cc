package io.avatarl;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Stands in front of an HTTP server, one connection for each request, and spoils some of them on
 * the wire.
 */
public final class FaultyProxy implements AutoCloseable {
  /** What can happen to a request. */
  public enum Fault {
    /** Nothing. */
    NONE,
    /** The server is too busy (503 SlowDown); the request never arrives. */
    BUSY,
    /** The client's temporary credentials have expired (400 ExpiredToken). */
    EXPIRED,
    /** The answer comes in pieces with pauses between. */
    SLOW,
    /**
     * The answer stops in the middle of its body, with the connection open, until the client has
     * had enough.
     */
    STALL,
    /** The connection breaks in the middle of the answer's body. */
    CUT,
    /** The connection breaks in the middle of what the client sends. */
    CUT_UPLOAD
  }

  private static final Pattern LENGTH = Pattern.compile("(?i)\r\nContent-Length: *(\\d+)");
  private static final int PIECE = 2000;
  private static final int PAUSE_MILLIS = 20;

  private final ServerSocket socket;
  private final int serverPort;
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "faulty-proxy");
            thread.setDaemon(true);
            return thread;
          });
  private final Map<Fault, Integer> done = new EnumMap<>(Fault.class);
  private final AtomicLong requests = new AtomicLong();
  private volatile Function<String, Fault> plan = request -> Fault.NONE;
  private volatile long latencyMillis;

  FaultyProxy(int serverPort) throws IOException {
    this.serverPort = serverPort;
    this.socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    threads.execute(this::accept);
  }

  int port() {
    return socket.getLocalPort();
  }

  /** What happens from now on, by the request's first line. */
  public synchronized void plan(Function<String, Fault> plan) {
    done.clear();
    this.plan = plan;
  }

  /** From now on every request waits before it is passed on. */
  public void delay(long millis) {
    latencyMillis = millis;
  }

  /** Requests so far. */
  public long requests() {
    return requests.get();
  }

  /** How often a fault happened since the plan was made. */
  public synchronized int count(Fault fault) {
    return done.getOrDefault(fault, 0);
  }

  private synchronized Fault next(String request) {
    return plan.apply(request);
  }

  private synchronized void happened(Fault fault) {
    done.merge(fault, 1, Integer::sum);
  }

  private void accept() {
    while (!socket.isClosed()) {
      try {
        Socket client = socket.accept();
        threads.execute(() -> serve(client));
      } catch (IOException e) {
        return; // Closed.
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      InputStream in = client.getInputStream();
      String head = head(in);
      if (head.isEmpty()) {
        return;
      }
      requests.incrementAndGet();
      Thread.sleep(latencyMillis);
      Fault fault = next(head.substring(0, head.indexOf('\r')));
      if (fault == Fault.BUSY || fault == Fault.EXPIRED) {
        happened(fault);
        if (!head.contains("100-continue")) {
          in.readNBytes(length(head));
        }
        boolean busy = fault == Fault.BUSY;
        String body =
            busy
                ? "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"
                : "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
        client
            .getOutputStream()
            .write(
                ("HTTP/1.1 "
                        + (busy ? "503 Slow Down" : "400 Bad Request")
                        + "\r\nContent-Type: application/xml\r\nConnection: close\r\n"
                        + "Content-Length: "
                        + body.length()
                        + "\r\n\r\n"
                        + body)
                    .getBytes(ISO_8859_1));
        client.shutdownOutput();
        in.skip(1); // Until the client has closed its side, so that nothing is reset.
        return;
      }
      if (fault == Fault.CUT_UPLOAD) {
        happened(fault);
        if (!head.contains("100-continue")) {
          in.readNBytes(length(head) / 2);
        }
        client.setSoLinger(true, 0); // A reset, not an end.
        return;
      }
      try (Socket server = new Socket(InetAddress.getLoopbackAddress(), serverPort)) {
        OutputStream request = server.getOutputStream();
        // After its answer the server closes the connection. (The header is not signed.)
        request.write(
            head.replaceAll("(?i)\r\nConnection: [^\r]*", "")
                .replaceFirst("\r\n", "\r\nConnection: close\r\n")
                .getBytes(ISO_8859_1));
        threads.execute(() -> copy(in, request));
        answer(server.getInputStream(), client, fault);
      }
    } catch (IOException e) {
      // One side has gone; so does the other.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // Closed.
    }
  }

  private void answer(InputStream in, Socket client, Fault fault) throws IOException {
    OutputStream out = client.getOutputStream();
    String head = head(in);
    while (head.startsWith("HTTP/1.1 100")) {
      out.write(head.getBytes(ISO_8859_1));
      head = head(in);
    }
    out.write(head.getBytes(ISO_8859_1));
    int length = length(head);
    if (fault == Fault.CUT && head.startsWith("HTTP/1.1 2") && length > 1) {
      happened(fault);
      out.write(in.readNBytes(length / 2));
      out.flush();
      client.setSoLinger(true, 0); // A reset, not an end.
      return;
    }
    if (fault == Fault.STALL && head.startsWith("HTTP/1.1 2") && length > 1) {
      happened(fault);
      out.write(in.readNBytes(length / 2));
      out.flush();
      client.getInputStream().transferTo(OutputStream.nullOutputStream());
      return;
    }
    if (fault == Fault.SLOW && length > PIECE) {
      happened(fault);
      for (byte[] piece = in.readNBytes(PIECE); piece.length > 0; piece = in.readNBytes(PIECE)) {
        out.write(piece);
        out.flush();
        try {
          Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
          return;
        }
      }
    }
    in.transferTo(out);
    client.shutdownOutput();
  }

  private static void copy(InputStream from, OutputStream to) {
    try {
      byte[] buffer = new byte[16384];
      for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
        to.write(buffer, 0, n);
        to.flush();
      }
    } catch (IOException e) {
      // The answer is through.
    }
  }

  /** The first line and the headers, with the empty line behind them. */
  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int ends = 0;
    for (int b = in.read(); b >= 0; b = in.read()) {
      bytes.write(b);
      ends = b == "\r\n\r\n".charAt(ends) ? ends + 1 : b == '\r' ? 1 : 0;
      if (ends == 4) {
        return bytes.toString(ISO_8859_1);
      }
    }
    return "";
  }

  private static int length(String head) {
    Matcher matcher = LENGTH.matcher(head);
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
  }

  @Override
  public void close() throws IOException {
    socket.close();
    threads.shutdownNow();
  }
}
