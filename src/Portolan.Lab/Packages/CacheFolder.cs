namespace Portolan.Lab.Packages;

/// <summary>The user's own cache of package lists and kernel packages. Nothing of the system is written.</summary>
public static class CacheFolder
{
    /// <summary><c>$XDG_CACHE_HOME/portolan/lab</c>, or <c>~/.cache/portolan/lab</c>; null where the user has neither.</summary>
    public static string? Default()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache) || !Path.IsPathRooted(cache)) // The XDG specification says to ignore a relative path.
        {
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            cache = home.Length == 0 ? null : Path.Combine(home, ".cache");
        }

        return cache is null ? null : Path.Combine(cache, "portolan", "lab");
    }
}
