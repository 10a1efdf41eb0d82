using Portolan.Documents;
using Portolan.Lab.Guest;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>The folder that keeps what lab kernels sent: one folder for each boot.</summary>
internal sealed class LabFolder
{
    private readonly string _root;

    public LabFolder(string root) => _root = root;

    /// <summary>Makes the folder; answers null, or why it could not.</summary>
    public InputFault? Prepare() => Make(_root);

    /// <summary>Keeps what one boot sent; answers null, or why it could not.</summary>
    public InputFault? Keep(LabResult result)
    {
        string folder = Path.Combine(_root, result.Name);
        if (Make(folder) is { } refused)
        {
            return refused;
        }

        return Files(result)
            .Select(file => AtomicFile.Write(Path.Combine(folder, file.Name), file.Content))
            .FirstOrDefault(static fault => fault is not null);
    }

    private static IEnumerable<(string Name, byte[] Content)> Files(LabResult result)
    {
        yield return ("console.log", result.Boot.Console);
        foreach (GuestReply reply in result.Boot.Replies)
        {
            bool isDocument = reply.Command.Name is LabRequest.HostCommand or LabRequest.ConformanceCommand;
            if (reply.Output.Content is { } content && (!isDocument || content.Length > 0))
            {
                yield return (reply.Command.Name + (isDocument ? ".json" : ".out"), content);
            }

            if (reply.Error.Content is { Length: > 0 } messages)
            {
                yield return (reply.Command.Name + ".err", messages);
            }

            foreach ((string name, ReturnedFile file) in reply.Files)
            {
                if (file.Content is { } bytes)
                {
                    yield return ($"{reply.Command.Name}-{Path.GetFileName(name)}", bytes);
                }
            }
        }
    }

    private static InputFault? Make(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return new InputFault(folder, "a folder to write into", Printable.OneLine(refused.Message), "choose another with -o");
        }
    }
}
