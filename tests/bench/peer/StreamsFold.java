// Goal: what the reference fold of fold_bench costs a Kafka Streams application on the same topic.
// Method: one thread, state in its RocksDB stores: a row a case, a row of counters a unit and a
// community. Envelopes are skipped, not verified. `catchup` ends when it has read the topic's
// records; `live` says how old each entry was (by its ledger time) when its rows were put; `ready`
// says how long an application that has caught up needs until it runs again, with its stores as
// they lie in STATE-FOLDER, or restored from their changelogs where they do not.
// Prints one JSON object.

import hansa.peer.Event;
import hansa.peer.Payload;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

public final class StreamsFold {
  private static final int ENVELOPE_BYTES = 116;
  private static final int EVENTS_OF_CASE = 9;
  private static final int NAME_BYTES = 20;
  private static final int CASE_BYTES = 8 * EVENTS_OF_CASE + 4 + 2 * NAME_BYTES;
  private static final int EVENT_KINDS = 32;

  private static final CountDownLatch DONE = new CountDownLatch(1);
  private static long records;
  private static long recordsMax;
  private static long firstNs;
  private static long lastNs;
  private static long[] agesUs;

  private static final class Fold implements Processor<byte[], byte[], Void, Void> {
    private KeyValueStore<Long, byte[]> cases;
    private KeyValueStore<String, byte[]> counters;

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      cases = context.getStateStore("cases");
      counters = context.getStateStore("counters");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      if (records == 0) firstNs = System.nanoTime();
      try {
        byte[] value = record.value();
        Payload payload = Payload.parser().parseFrom(value, ENVELOPE_BYTES,
            value.length - ENVELOPE_BYTES);
        for (Event event : payload.getEventsList()) apply(payload, event);
        if (agesUs != null) {
          Instant now = Instant.now();
          agesUs[(int) records] = now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000
              - payload.getTimeUs();
        }
      } catch (com.google.protobuf.InvalidProtocolBufferException problem) {
        throw new IllegalStateException(problem);
      }
      if (++records == recordsMax) {
        lastNs = System.nanoTime();
        DONE.countDown();
      }
    }

    private void apply(Payload payload, Event event) {
      int kind = event.getEventCase().getNumber() - Event.CASE_REPORTED_FIELD_NUMBER;
      if (kind < 0) return;
      long number = Long.parseLong(payload.getCause().getSubjectId().substring(1));
      byte[] known = cases.get(number);
      ByteBuffer row = ByteBuffer.wrap(known == null ? new byte[CASE_BYTES] : known);
      int steps = row.getInt(8 * EVENTS_OF_CASE);
      row.putLong(8 * (steps % EVENTS_OF_CASE), payload.getTimeUs());
      row.putInt(8 * EVENTS_OF_CASE, steps + 1);
      int unit = 8 * EVENTS_OF_CASE + 4;
      int community = unit + NAME_BYTES;
      if (event.hasCaseAssigned()) write(row, unit, event.getCaseAssigned().getLeadUnit());
      if (event.hasCaseReported()) {
        write(row, community, event.getCaseReported().getPlace().getCommunity());
      }
      cases.put(number, row.array());
      count(read(row, unit), kind % EVENT_KINDS);
      count(read(row, community), kind % EVENT_KINDS);
    }

    private void count(String name, int kind) {
      byte[] known = counters.get(name);
      ByteBuffer row = ByteBuffer.wrap(known == null ? new byte[8 * EVENT_KINDS] : known);
      row.putLong(8 * kind, row.getLong(8 * kind) + 1);
      counters.put(name, row.array());
    }

    private static void write(ByteBuffer row, int at, String name) {
      byte[] bytes = Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), NAME_BYTES);
      System.arraycopy(bytes, 0, row.array(), at, NAME_BYTES);
    }

    private static String read(ByteBuffer row, int at) {
      return new String(row.array(), at, NAME_BYTES, StandardCharsets.UTF_8);
    }
  }

  private static StoreBuilder<?> store(String name, Serde<?> keys) {
    return Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), keys,
        Serdes.ByteArray()).withCachingEnabled();
  }

  private static long peakMib() throws java.io.IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024;
    }
    return 0;
  }

  private static double cpuSeconds() {
    var system = (com.sun.management.OperatingSystemMXBean)
        java.lang.management.ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1e9;
  }

  private static Properties settings(String[] words) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, words[6]);
    // A static member: started again, it need not wait until the group has forgotten it.
    settings.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, words[6]);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, words[0]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, words[3]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, words[5]);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    // What makes it fast: a large cache, large fetches and batches.
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
    settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
    settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 5_000);
    settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 << 20);
    settings.put(ConsumerConfig.CHECK_CRCS_CONFIG, false);
    settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 256 << 10);
    settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    return settings;
  }

  private static Topology topology(String topic) {
    Topology topology = new Topology();
    topology.addSource("ledger", Serdes.ByteArray().deserializer(),
        Serdes.ByteArray().deserializer(), topic);
    topology.addProcessor("fold", Fold::new, "ledger");
    topology.addStateStore(store("cases", Serdes.Long()), "fold");
    topology.addStateStore(store("counters", Serdes.String()), "fold");
    return topology;
  }

  private static void printFold() throws java.io.IOException {
    double seconds = (lastNs - firstNs) / 1e9;
    System.out.printf("{\"count\": %d, \"per_second\": %.0f, \"cpu_s_per_million\": %.2f, "
        + "\"peak_mib\": %d", records, records / seconds, cpuSeconds() / records * 1e6, peakMib());
    if (agesUs != null) {
      long[] counted = Arrays.copyOfRange(agesUs, agesUs.length / 5, agesUs.length);
      Arrays.sort(counted);
      System.out.printf(", \"p50_ms\": %.3f, \"p99_ms\": %.3f",
          counted[counted.length / 2] / 1e3, counted[counted.length * 99 / 100] / 1e3);
    }
    System.out.println("}");
  }

  // BOOTSTRAP TOPIC RECORDS STATE-FOLDER catchup|live|ready GUARANTEE APPLICATION
  public static void main(String[] words) throws Exception {
    recordsMax = Long.parseLong(words[2]);
    String mode = words[4];
    if (mode.equals("live")) agesUs = new long[(int) recordsMax];
    CountDownLatch running = new CountDownLatch(1);
    AtomicLong restored = new AtomicLong();
    try (KafkaStreams streams = new KafkaStreams(topology(words[1]), settings(words))) {
      streams.setStateListener((now, before) -> {
        if (now != KafkaStreams.State.RUNNING || running.getCount() == 0) return;
        System.out.println("running");
        running.countDown();
      });
      streams.setGlobalStateRestoreListener(new StateRestoreListener() {
        @Override
        public void onRestoreStart(TopicPartition part, String store, long from, long to) {}

        @Override
        public void onBatchRestored(TopicPartition part, String store, long to, long count) {
          restored.addAndGet(count);
        }

        @Override
        public void onRestoreEnd(TopicPartition part, String store, long total) {}
      });
      long startNs = System.nanoTime();
      streams.start();
      running.await();
      double readyMs = (System.nanoTime() - startNs) / 1e6;
      if (mode.equals("ready")) {
        System.out.printf("{\"count\": %d, \"per_second\": %.0f, \"p50_ms\": %.1f, "
            + "\"restored\": %d, \"cpu_s_per_million\": %.2f, \"peak_mib\": %d}%n", recordsMax,
            recordsMax / readyMs * 1e3, readyMs, restored.get(), cpuSeconds() / recordsMax * 1e6,
            peakMib());
      } else {
        DONE.await();
        printFold();
      }
      streams.close(Duration.ofSeconds(10));
    }
  }
}
