namespace Portolan.Streams.Sections;

/// <summary>What kind of section it is: the byte before it (QEMU migration/savevm.h, QEMU_VM_SECTION_*).</summary>
public enum SectionKind
{
    /// <summary>QEMU_VM_SECTION_START: an iterable section begins.</summary>
    Start = 1,

    /// <summary>QEMU_VM_SECTION_PART: an iterable section goes on.</summary>
    Part = 2,

    /// <summary>QEMU_VM_SECTION_END: an iterable section's last part.</summary>
    End = 3,

    /// <summary>QEMU_VM_SECTION_FULL: a device's state, whole.</summary>
    Full = 4,
}

/// <summary>By what a section's end was found.</summary>
public enum SectionEnd
{
    /// <summary>The section says itself where it ends (RAM).</summary>
    Content,

    /// <summary>The stream's description (vmdesc) says how long it is, and a footer stands there.</summary>
    Description,

    /// <summary>Portolan's table of the vmstate says how long it is, and a footer stands there.</summary>
    Table,

    /// <summary>
    /// The first place where a footer with the section's id is followed by the head of what may come next, or by the end. A device's
    /// content that holds such bytes would be cut short; a description or a table rules that out.
    /// </summary>
    Footer,
}
