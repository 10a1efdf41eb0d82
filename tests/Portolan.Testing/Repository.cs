namespace Portolan.Testing;

/// <summary>Where the tests find the repository and the recorded inputs beside it.</summary>
public static class Repository
{
    /// <summary>The repository's root: the folder that holds Portolan.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A path inside the repository.</summary>
    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>
    /// The path of recorded inputs under <c>../shared/data</c>; skips the test, with the reason, where they are not there.
    /// </summary>
    public static string SharedData(string name)
    {
        string path = Path.GetFullPath(Path.Combine(SharedRoot(), "data", name));
        Assert.SkipUnless(Path.Exists(path), $"the recorded inputs ../shared/data/{name} are not beside this repository");
        return path;
    }

    /// <summary>The text of the KVM contract, <c>../shared/contract</c>; skips the test, with the reason, where it is not there.</summary>
    public static string SharedContract()
    {
        string path = Path.GetFullPath(Path.Combine(SharedRoot(), "contract", "KVM-CONTRACT.md"));
        Assert.SkipUnless(Path.Exists(path), "the contract ../shared/contract/KVM-CONTRACT.md is not beside this repository");
        return path;
    }

    private static string SharedRoot()
        => Environment.GetEnvironmentVariable("PORTOLAN_SHARED") ?? Path.Combine(Root, "..", "shared");

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Portolan.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("the tests must run from inside the repository");
    }
}
