using System.Runtime.Versioning;

namespace Portolan.Lab.Tests;

/// <summary>A folder that is gone when the test is.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("portolan-test-").FullName;

    public string At(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    [UnsupportedOSPlatformGuard("windows")]
    private static bool IsUnix => !OperatingSystem.IsWindows();

    public UnixFileMode ModeOf(params string[] parts) => IsUnix ? File.GetUnixFileMode(At(parts)) : throw new PlatformNotSupportedException();

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
