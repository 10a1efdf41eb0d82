using Spectre.Console;

namespace Portolan.Cli.Frame;

/// <summary>A progress bar on the error stream while many things are done; where no person sees it, nothing.</summary>
internal static class ProgressLine
{
    private const int Few = 8; // what is done at once needs no bar

    /// <summary>Does <paramref name="work"/> for each item in order.</summary>
    public static void Over<T>(Terminal terminal, string what, IReadOnlyCollection<T> items, Action<T> work)
    {
        if (!terminal.ShowsProgress || items.Count < Few)
        {
            foreach (T item in items)
            {
                work(item);
            }

            return;
        }

        // The writer is our own, so that what it leads to is told here and not found out.
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, Out = new AnsiConsoleOutput(terminal.Error) });
        console.Progress().AutoClear(true).HideCompleted(true).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(what), maxValue: items.Count);
            foreach (T item in items)
            {
                work(item);
                task.Increment(1);
            }
        });
    }
}
