using System.Text;

namespace Portolan.Lab.Tests.Packages;

/// <summary>An index as the client prints it: three unsplit kernels, a metapackage, an unsigned one, a split one whole and a split one with a part missing.</summary>
internal static class IndexText
{
    public static string Served { get; } = string.Join('\n',
        Paragraph("linux-image-5.10.0-46-cloud-amd64", "5.10.262-1", "kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool"),
        Paragraph("linux-image-6.1.0-55-cloud-amd64", "6.1.192-1", "kmod"),
        Paragraph("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", "kmod"),
        Paragraph("linux-image-6.1-cloud-amd64", "6.1.192-2", "linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)"),
        Paragraph("linux-image-6.12.117+deb12-cloud-amd64", "6.12.117-1~deb12u1", "kmod"),
        Paragraph("linux-image-6.12.117+deb13-cloud-amd64", "6.12.117-1", "kmod"),
        Split("7.0.4+deb13", "7.0.4-1~bpo13+1", hasModules: false),
        Split("7.2.12+deb13", "7.2.12-1~bpo13+1", hasModules: true));

    public static string Paragraph(string name, string version, string depends)
    {
        StringBuilder text = new();
        text.Append("Package: ").Append(name).Append('\n');
        text.Append("Version: ").Append(version).Append('\n');
        text.Append("Depends: ").Append(depends).Append('\n');
        text.Append("Description-en: a kernel\n With a continuation: line.\n .\n And another.\n");
        text.Append("Filename: pool/main/l/linux/").Append(name).Append('_').Append(version).Append("_amd64.deb\n");
        text.Append("SHA256: ").Append(new string('a', 64)).Append('\n');
        return text.ToString();
    }

    private static string Split(string release, string version, bool hasModules)
    {
        string[] parts = ["binary", "modules"];
        string depends = string.Join(", ", parts.Select(part => $"linux-{part}-{release}-cloud-amd64 (= {version})"));
        return string.Join(
            '\n',
            parts.Where(part => hasModules || part != "modules").Select(part => Paragraph($"linux-{part}-{release}-cloud-amd64", version, "linux-base"))
                .Prepend(Paragraph($"linux-image-{release}-cloud-amd64", version, "dracut | initramfs-tools, " + depends)));
    }
}
