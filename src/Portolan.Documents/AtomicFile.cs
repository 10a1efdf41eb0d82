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
        byte[] bytes = content.ToArray();
        return Write(path, stream =>
        {
            stream.Write(bytes);
            return null;
        });
    }

    /// <summary>
    /// The same for a content that is written in pieces, and may be read again before it counts: where <paramref name="write"/> answers a fault,
    /// nothing is left behind.
    /// </summary>
    public static InputFault? Write(string path, Func<FileStream, InputFault?> write)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        if (path.Length == 0)
        {
            return new InputFault(path, "a file to write", "no name", "name a file");
        }

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
            InputFault? fault;
            using (FileStream stream = new(beside, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
            {
                fault = write(stream);
                stream.Flush(flushToDisk: true);
            }

            if (fault is not null)
            {
                Remove(beside);
                return fault;
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
