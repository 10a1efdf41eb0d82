using System.Xml.Linq;
using Repo = Portolan.Testing.Repository;

namespace Portolan.EndToEnd.Structure;

/// <summary>Which project may reference which, and who may be unsafe.</summary>
public sealed class ArrowsTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Portolan.X86"] = [],
        ["Portolan.Kvm"] = ["Portolan.X86"],
        ["Portolan.Kvm.Model"] = ["Portolan.Kvm"],
        ["Portolan.Kvm.Linux"] = ["Portolan.Kvm"],
        ["Portolan.Compatibility"] = ["Portolan.Kvm.Model"],
        ["Portolan.Conformance"] = ["Portolan.Kvm"],
        ["Portolan.Documents"] = ["Portolan.Compatibility", "Portolan.Kvm"],
        ["Portolan.Formats"] = ["Portolan.Documents"],
        ["Portolan.Streams"] = ["Portolan.Kvm"],
        ["Portolan.Lab"] = ["Portolan.Documents"],
        ["Portolan.Cli"] = ["Portolan.Conformance", "Portolan.Formats", "Portolan.Kvm.Linux", "Portolan.Kvm.Model", "Portolan.Lab", "Portolan.Streams"],
    };

    [Fact]
    public void Every_project_references_only_what_its_arrows_allow()
    {
        foreach ((string name, XDocument project) in Projects())
        {
            Assert.True(Allowed.TryGetValue(name, out string[]? allowed), $"{name} has no row in the arrow list");
            IEnumerable<string> references = project.Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
            Assert.Empty(references.Except(allowed));
        }
    }

    [Fact]
    public void The_x86_project_has_no_packages()
        => Assert.Empty(Projects().Single(project => project.Name == "Portolan.X86").Project.Descendants("PackageReference"));

    [Fact]
    public void Only_the_binding_may_be_unsafe()
        => Assert.Equal(
            ["Portolan.Kvm.Linux"],
            Projects().Where(project => project.Project.Descendants("AllowUnsafeBlocks").Any()).Select(project => project.Name));

    [Fact]
    public void Every_unsafe_block_says_why_it_is_sound()
    {
        int blocks = 0;
        foreach (string file in Directory.EnumerateFiles(Repo.At("src", "Portolan.Kvm.Linux"), "*.cs", SearchOption.AllDirectories))
        {
            if (file.Contains("/obj/", StringComparison.Ordinal) || file.Contains("/bin/", StringComparison.Ordinal))
            {
                continue;
            }

            string[] lines = File.ReadAllLines(file);
            for (int i = 0; i < lines.Length; i++)
            {
                if (lines[i].TrimStart() is "unsafe" or "unsafe {" || lines[i].TrimStart().StartsWith("fixed (", StringComparison.Ordinal))
                {
                    blocks++;
                    string around = string.Join('\n', lines[Math.Max(0, i - 6)..Math.Min(lines.Length, i + 5)]);
                    Assert.True(around.Contains("SAFETY:", StringComparison.Ordinal), $"{Path.GetFileName(file)}:{i + 1} has no SAFETY line near it");
                }
            }
        }

        Assert.True(blocks > 0, "no unsafe block was found: the test looks in the wrong place");
    }

    [Fact]
    public void Hand_written_files_are_short_enough_to_be_one_idea()
    {
        IEnumerable<string> tooLong = Directory.EnumerateFiles(Repo.At("src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".g.cs", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal))
            .Where(file => File.ReadLines(file).Count() > 500);

        Assert.Empty(tooLong.Select(Path.GetFileName));
    }

    private static IEnumerable<(string Name, XDocument Project)> Projects()
        => Directory.EnumerateFiles(Repo.At("src"), "*.csproj", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(file => (Path.GetFileNameWithoutExtension(file), XDocument.Load(file)));
}
