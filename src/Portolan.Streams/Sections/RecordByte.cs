namespace Portolan.Streams.Sections;

/// <summary>The byte that says what follows (QEMU migration/savevm.h, QEMU_VM_*).</summary>
internal enum RecordByte : byte
{
    Eof = 0,
    Start = 1,
    Part = 2,
    End = 3,
    Full = 4,
    Subsection = 5,
    Description = 6,
    Configuration = 7,
    Command = 8,
    Footer = 0x7e,
}
