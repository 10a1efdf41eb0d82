using System.Text;
using Portolan.Documents;

namespace Portolan.Lab.Kernels;

/// <summary>A kernel's image and modules, unpacked into a folder.</summary>
public sealed class KernelTree
{
    private static readonly TimeSpan UnpackLimit = TimeSpan.FromMinutes(2);
    private static readonly EnumerationOptions Everywhere = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
    private const long LargestModule = 64 << 20;

    private readonly string _folder;

    private KernelTree(string folder, string image, BootHeader header)
    {
        _folder = folder;
        Image = image;
        Header = header;
    }

    /// <summary>The image's path.</summary>
    public string Image { get; }

    /// <summary>What the image says of itself.</summary>
    public BootHeader Header { get; }

    /// <summary>Unpacks package files, without installing them, into a folder.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Obtained<KernelTree> Unpack(IEnumerable<string> packages, string folder, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(packages);
        Directory.CreateDirectory(folder);
        foreach (string package in packages)
        {
            ChildAnswer unpacked = ChildProcess.Run(folder, UnpackLimit, cancel, "dpkg", "-x", Path.GetFullPath(package), folder);
            if (!unpacked.Ok)
            {
                return LabFault.BadInput($"{package}: expected a Debian package, found one that dpkg -x refuses ({Printable.OneLine(unpacked.LastError)}); fetch it again");
            }
        }

        return Open(folder);
    }

    /// <summary>A tree in a folder, as <c>dpkg -x</c> leaves it: <c>boot/vmlinuz-V</c> or <c>[usr/]lib/modules/V/vmlinuz</c>, and the modules.</summary>
    public static Obtained<KernelTree> Open(string folder)
    {
        string[] images = [.. Directory.EnumerateFiles(folder, "vmlinuz*", Everywhere).Order(StringComparer.Ordinal)];
        if (images.Length != 1)
        {
            return LabFault.BadInput(images.Length == 0
                ? $"{folder}: expected a file vmlinuz* of a kernel package, found none; from 6.19 on the image is in linux-binary-…, so give that package too, or its name"
                : $"{folder}: expected one kernel, found {images.Length} files vmlinuz*; give one folder per kernel");
        }

        Reading<BootHeader> header = BootHeader.Read(images[0], File.ReadAllBytes(images[0]));
        return header.Ok ? new KernelTree(folder, images[0], header.Value) : LabFault.BadInput(header.Fault.ToString());
    }

    /// <summary>
    /// A module and all that it depends on, in the order in which they must be loaded, uncompressed. What is built into the kernel is left out.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Obtained<IReadOnlyList<KernelModule>> Load(string module, CancellationToken cancel)
    {
        List<KernelModule> ordered = [];
        LabFault? fault = Add(module, ordered, [], cancel);
        return fault is null ? ordered : fault;
    }

    private LabFault? Add(string name, List<KernelModule> ordered, HashSet<string> seen, CancellationToken cancel)
    {
        if (!seen.Add(name) || IsBuiltIn(name))
        {
            return null;
        }

        // Modules are called with underscores and their files with either.
        string? file = Directory.EnumerateFiles(_folder, "*.ko*", Everywhere)
            .FirstOrDefault(path => Path.GetFileName(path).Split(".ko")[0].Replace('-', '_') == name.Replace('-', '_'));
        if (file is null)
        {
            return LabFault.BadInput($"{_folder}: expected the module {name}, found none; from 6.19 on modules are in linux-modules-…, so give that package too, or its name");
        }

        Obtained<byte[]> content = Read(file, cancel);
        if (!content.Ok)
        {
            return content.Fault;
        }

        KernelModule module = new(name.Replace('_', '-'), content.Value);
        foreach (string needed in module.Needs)
        {
            if (Add(needed, ordered, seen, cancel) is { } fault)
            {
                return fault;
            }
        }

        ordered.Add(module);
        return null;
    }

    private static Obtained<byte[]> Read(string file, CancellationToken cancel)
    {
        if (new FileInfo(file).Length > LargestModule)
        {
            return LabFault.BadInput($"{file}: expected a module of at most {LargestModule >> 20} MiB, found more; check the folder");
        }

        if (file.EndsWith(".ko", StringComparison.Ordinal))
        {
            return File.ReadAllBytes(file);
        }

        if (!file.EndsWith(".ko.xz", StringComparison.Ordinal))
        {
            return LabFault.BadInput($"{file}: expected a module .ko or .ko.xz, found another compression; unpack it first");
        }

        ChildAnswer plain = ChildProcess.Run(Path.GetDirectoryName(file)!, UnpackLimit, cancel, "xz", "-dc", file);
        return plain.Ok ? plain.Output : LabFault.BadInput($"{file}: expected an xz file, found one that xz refuses ({Printable.OneLine(plain.LastError)}); fetch the package again");
    }

    private bool IsBuiltIn(string name)
        => Directory.EnumerateFiles(_folder, "modules.builtin", Everywhere)
            .SelectMany(File.ReadLines)
            .Any(line => Path.GetFileNameWithoutExtension(line).Replace('-', '_') == name.Replace('-', '_'));
}

/// <summary>A module's file.</summary>
/// <param name="Name">Its name, with hyphens.</param>
/// <param name="Content">The ELF object.</param>
public sealed record KernelModule(string Name, byte[] Content)
{
    /// <summary>The modules that its <c>.modinfo</c> says it depends on.</summary>
    public IReadOnlyList<string> Needs
    {
        get
        {
            ReadOnlySpan<byte> mark = "\0depends="u8;
            int at = Content.AsSpan().IndexOf(mark);
            if (at < 0)
            {
                return [];
            }

            ReadOnlySpan<byte> value = Content.AsSpan(at + mark.Length);
            int end = value.IndexOf((byte)0);
            return Encoding.ASCII.GetString(value[..Math.Max(end, 0)]).Split(',', StringSplitOptions.RemoveEmptyEntries);
        }
    }
}
