namespace Portolan.Cli.Frame;

/// <summary>What the process answers, everywhere the same.</summary>
public enum ExitCode
{
    /// <summary>Compatible, or done.</summary>
    Done = 0,

    /// <summary>Incompatible.</summary>
    Incompatible = 1,

    /// <summary>Warnings where warnings count.</summary>
    Warnings = 2,

    /// <summary>A fact that decides is missing.</summary>
    Unknown = 3,

    /// <summary>The command line is wrong.</summary>
    Usage = 64,

    /// <summary>An input is wrong, or an output cannot be written.</summary>
    BadInput = 65,

    /// <summary>The host lacks what was asked.</summary>
    Unavailable = 69,

    /// <summary>A bug.</summary>
    Internal = 70,
}
