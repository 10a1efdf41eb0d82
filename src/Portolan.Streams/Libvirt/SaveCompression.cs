namespace Portolan.Streams.Libvirt;

/// <summary>How a save image's body is compressed: the numbers in its header (libvirt src/qemu/qemu_saveimage.h, virQEMUSaveFormat).</summary>
public enum SaveCompression
{
    /// <summary>Not at all.</summary>
    Raw = 0,

    /// <summary>gzip.</summary>
    Gzip = 1,

    /// <summary>bzip2.</summary>
    Bzip2 = 2,

    /// <summary>xz.</summary>
    Xz = 3,

    /// <summary>lzop; not read here.</summary>
    Lzop = 4,

    /// <summary>zstd.</summary>
    Zstd = 5,
}
