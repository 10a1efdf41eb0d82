namespace Portolan.Lab.Guest;

/// <summary>A file of this machine that the lab kernel finds in its first root. A program comes with its loader and libraries.</summary>
/// <param name="Path">Where it is under the lab kernel: absolute, without <c>.</c>, <c>..</c> or empty parts.</param>
/// <param name="Source">The file on this machine.</param>
/// <param name="IsProgram">Is it a program, so that what it needs beside it comes too?</param>
public sealed record GuestFile(string Path, string Source, bool IsProgram = false)
{
    /// <summary>Can the path stand in an archive?</summary>
    public bool HasValidPath => Path.StartsWith('/') && Path.Length > 1 && Path[1..].Split('/').All(static part => part is not ("" or "." or ".."));
}
