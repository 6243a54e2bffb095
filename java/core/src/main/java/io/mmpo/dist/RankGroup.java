package io.mmpo.dist;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.Collectives;
import io.mmpo.nativelib.NativeException;
import io.mmpo.nativelib.NativeLibrary;
import io.mmpo.spec.Device;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/**
 * The ranks of a run in several processes, over c10d: they meet in a TCPStore of rank 0's and exchange over Gloo; what trainers on GPUs
 * exchange goes over NCCL.
 */
public final class RankGroup implements Ranks, AutoCloseable {
    /** Names the network interface, as it does for PyTorch. */
    private static final String INTERFACE = "GLOO_SOCKET_IFNAME";

    private final RankPlace place;
    private final Duration timeout;
    private final Path outputDirectory;
    private final TCPStore store;
    private final ProcessGroupGloo group;
    private final RankReports reports;
    private final ExchangeFile exchanges;
    private Optional<NcclGroup> nccl = Optional.empty();
    private boolean hasFailed;
    private int texts;

    private RankGroup(
            RankPlace place,
            Duration timeout,
            Path outputDirectory,
            TCPStore store,
            ProcessGroupGloo group,
            RankReports reports,
            ExchangeFile exchanges) {
        this.place = place;
        this.timeout = timeout;
        this.outputDirectory = outputDirectory;
        this.store = store;
        this.group = group;
        this.reports = reports;
        this.exchanges = exchanges;
    }

    /**
     * Waits for the other ranks.
     *
     * @param timeout of this and of every exchange after it
     * @param outputDirectory of the run, for what a failure leaves
     */
    public static RankGroup join(RankPlace place, Duration timeout, Path outputDirectory) {
        NcclGroup.chooseGpu(place, System.getenv());
        NativeLibrary.load();
        ExchangeFile exchanges = new ExchangeFile(outputDirectory, place.rank());
        exchanges.removeEarlier();
        Milliseconds limit = new Milliseconds(timeout.toMillis());
        try {
            TCPStore store = store(place, place.rank() == 0 && !place.startedByAgent(), limit);
            RankReports reports = new RankReports(store, place, timeout);
            reports.arrived();
            ProcessGroupGloo.Options gloo = ProcessGroupGloo.Options.create();
            gloo.devices().push_back(device(place, System.getenv()));
            gloo.timeout(limit);
            ProcessGroupGloo group =
                    new ProcessGroupGloo(storeOfGroup(place, "gloo", limit), place.rank(), place.size(), gloo);
            reports.learnHosts();
            divideThreads(place);
            return new RankGroup(place, timeout, outputDirectory, store, group, reports, exchanges);
        } catch (RuntimeException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "Rank %d of %d cannot join the others at %s:%d within %d s: %s. Check that all ranks were started, that"
                            + " MASTER_ADDR and MASTER_PORT are rank 0's, and that no firewall is between the hosts.",
                    place.rank(),
                    place.size(),
                    place.masterAddress(),
                    place.masterPort(),
                    timeout.toSeconds(),
                    RankReports.firstLine(e));
        }
    }

    private static TCPStore store(RankPlace place, boolean isServer, Milliseconds timeout) {
        TCPStoreOptions options = new TCPStoreOptions();
        options.port((short) place.masterPort())
                .isServer(isServer)
                .waitWorkers(false)
                .timeout(timeout);
        return new TCPStore(place.masterAddress(), options);
    }

    /**
     * A connection of the group's own. The group counts its references to the store, and frees it in the end, of which JavaCPP's owners know
     * nothing: they would free it, too, when the garbage collector finds them.
     */
    @SuppressWarnings("resource")
    private static Store storeOfGroup(RankPlace place, String name, Milliseconds timeout) {
        TCPStore tcp = store(place, false, timeout);
        PrefixStore store = new PrefixStore(RankReports.prefix(place) + name, tcp);
        tcp.deallocate(false);
        store.deallocate(false);
        return store;
    }

    /** A host's ranks compute at the same time. */
    private static void divideThreads(RankPlace place) {
        String given = System.getenv("OMP_NUM_THREADS");
        if (given == null || given.isBlank()) {
            NativeLibrary.setNumThreads(Math.max(1, NativeLibrary.numThreads() / place.localSize()));
        }
    }

    /** Of the interface by which rank 0 is reached. */
    private static org.bytedeco.pytorch.gloo.Device device(RankPlace place, Map<String, String> environment) {
        String name = environment.get(INTERFACE);
        if (name != null && !name.isBlank()) {
            return ProcessGroupGloo.createDeviceForInterface(name);
        }
        try (DatagramSocket socket = new DatagramSocket()) { // connecting one sends nothing, and finds the way
            socket.connect(new InetSocketAddress(place.masterAddress(), place.masterPort()));
            return ProcessGroupGloo.createDeviceForHostname(
                    socket.getLocalAddress().getHostAddress());
        } catch (SocketException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "there is no way to MASTER_ADDR %s: %s; the interface can be named in %s",
                    place.masterAddress(),
                    e.getMessage(),
                    INTERFACE);
        }
    }

    @Override
    public long backend(Device device) {
        if (device == Device.CPU) {
            return group.address();
        }
        if (nccl.isEmpty()) {
            Store ofGroup = storeOfGroup(place, "nccl", new Milliseconds(timeout.toMillis()));
            nccl = Optional.of(NcclGroup.join(place, timeout, outputDirectory, ofGroup));
        }
        return nccl.get().address();
    }

    @Override
    public boolean isFirstOfHost() {
        return place.isFirstOfHost();
    }

    @Override
    public int rank() {
        return place.rank();
    }

    @Override
    public int size() {
        return place.size();
    }

    @Override
    public double[][] gather(double[] values, String what) {
        return Collectives.gather(group.address(), values, size(), what);
    }

    @Override
    public String ofFirst(Supplier<String> text, String what) {
        String key = RankReports.prefix(place) + "text/" + texts++;
        if (isFirst()) {
            String value = text.get();
            store.set(key, value);
            await(what);
            return value;
        }
        await(what);
        return store.get_to_str(key);
    }

    /**
     * What becomes of a failure of this rank's: its own is told to the others before it is thrown on; where an exchange with them failed,
     * the error says which ranks are gone, and why where they said so.
     */
    public RuntimeException explained(RuntimeException failure) {
        hasFailed = true;
        boolean isOfOthers =
                failure instanceof NativeException core && core.status() == NativeException.Status.COLLECTIVE;
        return isOfOthers ? reports.lost(failure, exchanges.write()) : reports.own(failure);
    }

    /** Before memory that a trainer reduces over it is freed nothing may be under way: trainers are closed first. */
    @Override
    public void close() {
        nccl.ifPresent(ofGpus -> ofGpus.close(hasFailed));
        group.close(); // which the others see
        if (isFirst()) {
            reports.awaitOthers();
        }
        if (reports.end()) {
            store.close();
        } else {
            store.deallocate(false);
        }
    }
}
