package io.mmpo.nativelib;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A native object with what calls on it need: the lock that lets one thread at a time in, memory for arguments, and the
 * lifetime of what is borrowed from it.
 */
final class NativeHandle {
    private final String noun;
    private final MethodHandle free;
    private final ReentrantLock lock;
    private final Arena lifetime = Arena.ofShared();
    private final Scratch scratch = new Scratch();
    private final MemorySegment address;
    private boolean closed;

    /** Objects that use each other inside the core share a lock. */
    NativeHandle(String noun, MemorySegment address, MethodHandle free, ReentrantLock lock) {
        this.noun = noun;
        this.address = address;
        this.free = free;
        this.lock = lock;
    }

    ReentrantLock lock() {
        return lock;
    }

    /** Only for use inside {@link #call}. */
    MemorySegment address() {
        return address;
    }

    <T> T call(String function, NativeCall.Body<T> body) {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("this " + noun + " is closed");
            }
            scratch.reset();
            return NativeCall.run(function, scratch, body);
        } finally {
            lock.unlock();
        }
    }

    /** Memory of the core that ends with this object: reading it later is an IllegalStateException, not a fault. */
    MemorySegment borrow(MemorySegment data, long bytes) {
        return data.reinterpret(bytes, lifetime, null);
    }

    void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            lifetime.close(); // throws, with nothing changed, while another thread reads borrowed memory
            closed = true;
            scratch.close();
            free.invokeExact(address);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException("the " + noun + " cannot be freed", t);
        } finally {
            lock.unlock();
        }
    }
}
