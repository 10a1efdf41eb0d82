using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>
/// Bounds a KVM_RUN of this thread: when the time is over it asks KVM not to enter the guest again and sends the thread a signal, which
/// makes a KVM_RUN that is under way come back with EINTR. The signal is SIGWINCH: nothing is lost if it arrives late.
/// </summary>
internal sealed class RunLimit : IDisposable
{
    /// <summary>SIGWINCH's number on x86-64 (signal(7)).</summary>
    private const int Sigwinch = 28;

    /// <summary>A signal that nobody handles would not interrupt anything; this handler does nothing and stays for the process.</summary>
    private static readonly Lazy<PosixSignalRegistration> Handler = new(() => PosixSignalRegistration.Create((PosixSignal)Sigwinch, static _ => { }));

    private readonly Lock _lock = new();
    private readonly RunArea _run;
    private readonly int _thread;
    private readonly Timer _timer;
    private bool _over;
    private bool _disposed;

    /// <summary>Starts to watch this thread.</summary>
    internal RunLimit(RunArea run, TimeSpan limit)
    {
        _ = Handler.Value;
        _run = run;
        _thread = Libc.GetThreadId();
        _timer = new Timer(static state => ((RunLimit)state!).Interrupt(), this, limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Is the time over?</summary>
    internal bool Elapsed
    {
        get
        {
            lock (_lock)
            {
                return _over;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            _disposed = true;
            if (_over)
            {
                _run.SetImmediateExit(false);
            }
        }
    }

    private void Interrupt()
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                _over = true;
                _run.SetImmediateExit(true);
                Libc.SignalThread(_thread, Sigwinch);
            }
        }
    }
}
