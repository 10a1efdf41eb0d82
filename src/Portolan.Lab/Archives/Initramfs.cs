using System.IO.Compression;
using System.Text;
using Portolan.Documents;
using Portolan.Lab.Guest;
using Portolan.Lab.Kernels;

namespace Portolan.Lab.Archives;

/// <summary>The lab kernel's first root: a shell, the modules, the program under test, further files, their libraries, and the script that runs it all.</summary>
public static class Initramfs
{
    /// <summary>The statically linked shell on this machine.</summary>
    public const string ShellPath = "/bin/busybox";

    private static readonly string[] OwnFolders = ["bin", "dev", "proc", "sys", "tmp", "modules"];
    private static readonly string[] LibraryFolders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

    /// <summary>Builds the archive, compressed with gzip.</summary>
    /// <param name="program">The program under test, compiled ahead of time.</param>
    /// <param name="modules">The modules, in the order in which they are loaded.</param>
    /// <param name="script">The first program's text.</param>
    /// <param name="further">Files beside these.</param>
    public static Obtained<byte[]> Build(string program, IEnumerable<KernelModule> modules, string script, IEnumerable<GuestFile>? further = null)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(script);
        Obtained<SortedDictionary<string, ArchivedFile>> files = FilesOf([new GuestFile(GuestCommand.ProgramPath, program, IsProgram: true), .. further ?? []]);
        if (!files.Ok)
        {
            return files.Fault;
        }

        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            CpioWriter cpio = new(gzip);
            foreach (string folder in OwnFolders.Concat(Folders(files.Value.Keys)))
            {
                cpio.Folder(folder);
            }

            cpio.File("init", Encoding.UTF8.GetBytes(script), isProgram: true);
            cpio.File("bin/busybox", File.ReadAllBytes(ShellPath), isProgram: true);
            foreach (KernelModule module in modules)
            {
                cpio.File($"modules/{module.Name}.ko", module.Content);
            }

            foreach ((string name, ArchivedFile file) in files.Value)
            {
                cpio.File(name, file.Content, file.IsProgram);
            }

            cpio.Finish();
        }

        return packed.ToArray();
    }

    /// <summary>The files, and the loaders and libraries of programs among them, by their paths under the lab kernel.</summary>
    private static Obtained<SortedDictionary<string, ArchivedFile>> FilesOf(IEnumerable<GuestFile> wanted)
    {
        SortedDictionary<string, ArchivedFile> files = new(StringComparer.Ordinal);
        foreach (GuestFile file in wanted)
        {
            if (!file.HasValidPath || files.ContainsKey(file.Path[1..]) || file.Path[1..] is "init" or "bin/busybox")
            {
                return LabFault.BadInput($"{file.Source}: expected an absolute path of its own under the lab kernel, found {Printable.Quote(file.Path)}; name another");
            }

            if (!File.Exists(file.Source))
            {
                return LabFault.BadInput(file.Path == GuestCommand.ProgramPath
                    ? $"{file.Source}: expected the program to run, found nothing of that name; build it with ./portolan, or name it with --program"
                    : $"{file.Source}: expected a file for the lab kernel, found nothing of that name; check the path");
            }

            byte[] content = File.ReadAllBytes(file.Source);
            files[file.Path[1..]] = new ArchivedFile(content, file.IsProgram);
            if (file.IsProgram && AddNeeds(files, file.Source, content) is { } fault)
            {
                return fault;
            }
        }

        return files;
    }

    private static LabFault? AddNeeds(SortedDictionary<string, ArchivedFile> files, string program, byte[] content)
    {
        Queue<(string File, byte[] Content)> open = new([(program, content)]);
        while (open.TryDequeue(out (string File, byte[] Content) next))
        {
            Reading<ElfNeeds> needs = ElfNeeds.Read(next.File, next.Content);
            if (!needs.Ok)
            {
                return LabFault.BadInput(needs.Fault.ToString());
            }

            if (needs.Value.Interpreter is { } loader)
            {
                files.TryAdd(loader.TrimStart('/'), new ArchivedFile(File.ReadAllBytes(loader), IsProgram: true));
            }

            foreach (string library in needs.Value.Libraries.Where(name => !files.Keys.Any(file => Path.GetFileName(file) == name)))
            {
                string? found = LibraryFolders.Prepend(Path.GetDirectoryName(Path.GetFullPath(program))!).Select(folder => Path.Combine(folder, library)).FirstOrDefault(File.Exists);
                if (found is null)
                {
                    return LabFault.Unavailable($"{next.File} needs the library {library}, which this machine lacks");
                }

                byte[] bytes = File.ReadAllBytes(found);
                files[$"lib/x86_64-linux-gnu/{library}"] = new ArchivedFile(bytes, IsProgram: true);
                open.Enqueue((found, bytes));
            }
        }

        return null;
    }

    private sealed record ArchivedFile(byte[] Content, bool IsProgram);

    /// <summary>The folders of files, parents first, without those that every archive has.</summary>
    private static IEnumerable<string> Folders(IEnumerable<string> files)
        => files.SelectMany(static file => Parents(file)).Except(OwnFolders, StringComparer.Ordinal).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Parents(string file)
    {
        for (int at = file.IndexOf('/', StringComparison.Ordinal); at > 0; at = file.IndexOf('/', at + 1))
        {
            yield return file[..at];
        }
    }
}
