namespace Portolan.Streams.Sections;

/// <summary>What to keep while a stream is walked.</summary>
public sealed record StreamReadOptions
{
    /// <summary>The sections whose content is kept, by name; without it the vCPUs' own and what says how the VM stood.</summary>
    public Func<string, bool> Keeps { get; init; } = static name => name is "cpu" or "cpu_common" or "apic" or "kvmclock" or "timer" or "globalstate";

    /// <summary>Is the description not to be looked for at the end before the stream is walked? Then it is only read when it comes.</summary>
    public bool ReadsForwards { get; init; }

    /// <summary>Is told, before more of the input is read, up to which byte everything was walked.</summary>
    public Action<long>? Walked { get; init; }

    /// <summary>
    /// Is told when every device was read: at the byte that ends them, or at the end of a postcopy package, before the destination can run. Answers
    /// whether to read on.
    /// </summary>
    public Func<MigrationStream, bool>? DevicesRead { get; init; }

    /// <summary>What is told of each section as soon as its head was read.</summary>
    public Action<StreamSection>? SectionBegins { get; init; }
}
