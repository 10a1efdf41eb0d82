using System.Diagnostics;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>
/// Shows a lab run on the error stream: one line that is written over where a person looks on, else a line for each boot. Keeps each boot's
/// files as soon as it ends.
/// </summary>
internal sealed class LabProgress : ILabProgress, IDisposable
{
    private const string EraseLine = "\r\u001b[K";
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Terminal _terminal;
    private readonly LabFolder _folder;
    private readonly bool _live = !Console.IsErrorRedirected;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, (string Stage, Stopwatch Clock)> _running = new(StringComparer.Ordinal);
    private readonly Timer _timer;
    private bool _shown;

    public LabProgress(Terminal terminal, LabFolder folder)
    {
        _terminal = terminal;
        _folder = folder;
        _timer = new Timer(_ => Show(), null, _live ? Period : Timeout.InfiniteTimeSpan, Period);
    }

    /// <summary>Why a boot's files could not be kept; null where they were.</summary>
    public InputFault? Refused { get; private set; }

    public void Say(string message)
    {
        lock (_gate)
        {
            Clear();
            _terminal.Say(message);
        }
    }

    public void Stage(string name, string stage)
    {
        lock (_gate)
        {
            if (!_running.TryGetValue(name, out (string Stage, Stopwatch Clock) known))
            {
                known = (stage, Stopwatch.StartNew());
                if (!_live)
                {
                    _terminal.Say($"booting {name}");
                }
            }

            _running[name] = (stage, known.Clock);
        }

        Show();
    }

    public void Done(LabResult result)
    {
        lock (_gate)
        {
            _running.Remove(result.Name);
            Refused ??= _folder.Keep(result);
            Say(string.Create(CultureInfo.InvariantCulture, $"{result.Name}: {LabRunDocument.Word(result.Boot.Outcome)} after {result.Boot.Elapsed.TotalSeconds:0.0} s"));
        }
    }

    /// <summary>Takes the line away.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            if (_shown)
            {
                _terminal.Error.Write(EraseLine);
                _shown = false;
            }
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        Clear();
    }

    private void Show()
    {
        lock (_gate)
        {
            if (_live && _running.Count > 0)
            {
                string line = string.Join("; ", _running.Select(static boot => string.Create(
                    CultureInfo.InvariantCulture, $"{boot.Key}: {boot.Value.Stage} ({boot.Value.Clock.Elapsed.TotalSeconds:0} s)")));
                _terminal.Error.Write($"{EraseLine}{Terminal.ProgramName}: {line}");
                _shown = true;
            }
        }
    }
}
