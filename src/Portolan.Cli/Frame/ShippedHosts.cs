using System.Reflection;

namespace Portolan.Cli.Frame;

/// <summary>The host snapshots that come with the program (data/hosts): <c>shipped:NAME</c> wherever a snapshot's file is asked for.</summary>
internal static class ShippedHosts
{
    /// <summary>What such a name begins with.</summary>
    public const string Prefix = "shipped:";

    private const string Folder = "hosts/";
    private const string Ending = ".json";

    /// <summary>The names, sorted.</summary>
    public static IEnumerable<string> Names => Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
        .Select(name => name[Folder.Length..^Ending.Length])
        .Order(StringComparer.Ordinal);

    /// <summary>The document of one; null if there is none of that name.</summary>
    public static byte[]? Read(string name)
    {
        using Stream? stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Folder + name + Ending);
        if (stream is null)
        {
            return null;
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
