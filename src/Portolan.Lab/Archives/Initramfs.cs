using System.IO.Compression;
using System.Text;
using Portolan.Documents;
using Portolan.Lab.Guest;
using Portolan.Lab.Kernels;

namespace Portolan.Lab.Archives;

/// <summary>The lab kernel's first root: a shell, the modules, the program under test with its libraries, and the script that runs it all.</summary>
public static class Initramfs
{
    /// <summary>The statically linked shell on this machine.</summary>
    public const string ShellPath = "/bin/busybox";

    private static readonly string[] LibraryFolders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

    /// <summary>Builds the archive, compressed with gzip.</summary>
    /// <param name="program">The program under test, compiled ahead of time.</param>
    /// <param name="modules">The modules, in the order in which they are loaded.</param>
    /// <param name="script">The first program's text.</param>
    public static Obtained<byte[]> Build(string program, IEnumerable<KernelModule> modules, string script)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(script);
        Obtained<Dictionary<string, byte[]>> files = ProgramFiles(program);
        if (!files.Ok)
        {
            return files.Fault;
        }

        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            CpioWriter cpio = new(gzip);
            foreach (string folder in (string[])["bin", "dev", "proc", "sys", "tmp", "modules", .. Folders(files.Value.Keys)])
            {
                cpio.Folder(folder);
            }

            cpio.File("init", Encoding.UTF8.GetBytes(script), isProgram: true);
            cpio.File("bin/busybox", File.ReadAllBytes(ShellPath), isProgram: true);
            foreach (KernelModule module in modules)
            {
                cpio.File($"modules/{module.Name}.ko", module.Content);
            }

            foreach ((string name, byte[] content) in files.Value.OrderBy(static file => file.Key, StringComparer.Ordinal))
            {
                cpio.File(name, content, isProgram: true);
            }

            cpio.Finish();
        }

        return packed.ToArray();
    }

    /// <summary>The program, its loader and its libraries, by their paths under the lab kernel.</summary>
    private static Obtained<Dictionary<string, byte[]>> ProgramFiles(string program)
    {
        if (!File.Exists(program))
        {
            return LabFault.BadInput($"{program}: expected the program to run, found nothing of that name; build it with ./portolan, or name it with --program");
        }

        byte[] content = File.ReadAllBytes(program);
        Dictionary<string, byte[]> files = new(StringComparer.Ordinal) { [GuestCommand.ProgramPath[1..]] = content };
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
                files[loader.TrimStart('/')] = File.ReadAllBytes(loader);
            }

            foreach (string library in needs.Value.Libraries.Where(name => !files.Keys.Any(file => Path.GetFileName(file) == name)))
            {
                string? found = LibraryFolders.Prepend(Path.GetDirectoryName(Path.GetFullPath(program))!).Select(folder => Path.Combine(folder, library)).FirstOrDefault(File.Exists);
                if (found is null)
                {
                    return LabFault.Unavailable($"{next.File} needs the library {library}, which this machine lacks");
                }

                byte[] bytes = File.ReadAllBytes(found);
                files[$"lib/x86_64-linux-gnu/{library}"] = bytes;
                open.Enqueue((found, bytes));
            }
        }

        return files;
    }

    /// <summary>The folders of files, parents first, without those that every archive has.</summary>
    private static IEnumerable<string> Folders(IEnumerable<string> files)
        => files.SelectMany(static file => Parents(file)).Where(static folder => folder != "bin").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Parents(string file)
    {
        for (int at = file.IndexOf('/', StringComparison.Ordinal); at > 0; at = file.IndexOf('/', at + 1))
        {
            yield return file[..at];
        }
    }
}
