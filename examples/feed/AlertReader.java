// Reads an audience's alerts from Kafka: plain Kafka, plain Avro, nothing of safety-stream's.
//
//     java -cp 'lib/*' AlertReader.java localhost:9092 alerts.duty-officer schemas my-group
//
// lib holds org.apache.kafka:kafka-clients and org.apache.avro:avro with all they need, lz4-java among it, for records
// are compressed; schemas is what `safety-stream schemas export schemas` wrote. Tried with Kafka's 4.3.1 and Avro's 1.12.1.

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public final class AlertReader {
    private static final int HEADER = 5;

    public static void main(String[] args) throws IOException {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[3]);
        settings.put("auto.offset.reset", "earliest");
        // What a worker took back again is not read: without this it would be.
        settings.put("isolation.level", "read_committed");
        // The place is written down after what was read has been dealt with: what fails is read again.
        settings.put("enable.auto.commit", "false");
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        Map<Integer, Schema> schemas = new HashMap<>();
        long expected = 0;
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            leaveWhenStopped(consumer);
            consumer.subscribe(List.of(args[1]));
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    GenericRecord alert = read(record.value(), schemas, Path.of(args[2]));
                    long seq = (Long) alert.get("seq");
                    if (expected != 0 && seq != expected) {
                        System.err.println("numbers " + expected + " to " + (seq - 1) + " never came");
                    }
                    expected = seq + 1;
                    System.out.println(seq + " " + alert.get("change") + " " + alert.get("priority") + " "
                            + alert.get("alert_id") + " version " + alert.get("version") + " " + alert.get("title"));
                }
                consumer.commitSync();
            }
        } catch (WakeupException stopped) {
            // What was read and not written down is read again by whoever goes on.
        }
    }

    // Else Kafka would wait for this reader, 45 seconds, before it let the next one go on.
    private static void leaveWhenStopped(KafkaConsumer<byte[], byte[]> consumer) {
        Thread reading = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                reading.join();
            } catch (InterruptedException hurried) {
                Thread.currentThread().interrupt();
            }
        }));
    }

    // A nought, four bytes of the schema's id, and the value as that schema has it.
    private static GenericRecord read(byte[] framed, Map<Integer, Schema> schemas, Path folder) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(framed, 0, HEADER);
        if (header.get() != 0) {
            throw new IOException("this is not framed as Confluent's serialisers do it");
        }
        Schema schema = schemas.computeIfAbsent(header.getInt(), id -> schema(folder.resolve(id + ".avsc")));
        return new GenericDatumReader<GenericRecord>(schema)
                .read(null, DecoderFactory.get().binaryDecoder(framed, HEADER, framed.length - HEADER, null));
    }

    private static Schema schema(Path file) {
        try {
            return new Schema.Parser().parse(file.toFile());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
