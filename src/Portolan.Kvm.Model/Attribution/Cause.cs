namespace Portolan.Kvm.Model.Attribution;

/// <summary>What can make two hosts differ in a fact.</summary>
public enum Cause
{
    /// <summary>The CPU itself: another vendor, model, stepping or part.</summary>
    Hardware,

    /// <summary>The microcode on it.</summary>
    Microcode,

    /// <summary>The kernel: its release, its backports, how it was built.</summary>
    Kernel,

    /// <summary>The VMM's program and version.</summary>
    Vmm,

    /// <summary>How the machine is set up: module parameters, kernel command line, firmware settings, the permission a process asks for.</summary>
    Configuration,
}

/// <summary>How sure an attribution is.</summary>
public enum Certainty
{
    /// <summary>Facts of both hosts and rows of the tables decide it: each named cause takes part, and nothing else is needed.</summary>
    Certain,

    /// <summary>What is known points at the named causes; what nobody recorded could do the same.</summary>
    Likely,

    /// <summary>Nothing that is known decides: the named causes are the candidates, and none is named where there is no clue.</summary>
    Unknown,
}
