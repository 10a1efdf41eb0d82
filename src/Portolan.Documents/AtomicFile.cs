namespace Portolan.Documents;

/// <summary>Writes whole files: at the path there is the old content or all of the new, never a part of it.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes <paramref name="content"/> beside <paramref name="path"/>, then puts it in its place. Answers null, or why it did not;
    /// then nothing is left behind.
    /// </summary>
    public static InputFault? Write(string path, ReadOnlySpan<byte> content)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
        {
            return new InputFault(path, "a file to write", "a directory", "name a file");
        }

        string target = TargetOf(path);
        string folder = Path.GetDirectoryName(Path.GetFullPath(target)) ?? "/";
        if (!Directory.Exists(folder))
        {
            return new InputFault(path, "a folder to write into", "none", "create the folder first");
        }

        string beside = Path.Combine(folder, $".{Path.GetFileName(target)}.{Path.GetRandomFileName()}");
        try
        {
            using (FileStream stream = new(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, target, overwrite: true);
            return null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            Remove(beside);
            return new InputFault(path, "a file that can be written", Printable.OneLine(refused.Message), "choose another file, or correct its permissions");
        }
    }

    /// <summary>A symbolic link stays one: what it leads to is replaced.</summary>
    private static string TargetOf(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (IOException)
        {
            return path;
        }
    }

    private static void Remove(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // The first fault is the one to report; a file that cannot be removed could not be created either.
        }
    }
}
