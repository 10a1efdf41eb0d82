namespace Portolan.Formats;

/// <summary>Files that people have beside those of a host, and that tell of no host: what they are and where they belong.</summary>
internal static class NoHost
{
    private const int SchemaStandsWithin = 64; // "schema" is the first field of every document that this program writes

    /// <summary>What such a file is, and what can be done with it; null for any other file.</summary>
    public static (string Found, string Advice)? Reason(ForeignContent content)
    {
        if (content.HasXmlRoot("cpu"u8))
        {
            return ("libvirt's <cpu>, a CPU model with features, which tells a guest or a baseline and no host", "give 'virsh capabilities' or 'virsh domcapabilities' of the host");
        }

        if (content.HasXmlRoot("domain"u8))
        {
            return ("libvirt's <domain>, which tells a guest and no host", "give 'virsh capabilities' or 'virsh domcapabilities' of the host");
        }

        if (content.HasLine("family:"u8) && content.HasLine("stepping:"u8))
        {
            return ("a processor's signature (family, model, stepping) alone, which tells none of its features", "give a dump of its CPUID, or what libvirt or QEMU says of the host");
        }

        if (content.Notation == ForeignNotation.Json && content.Text[..Math.Min(content.Text.Length, SchemaStandsWithin)].IndexOf("\"portolan/"u8) >= 0)
        {
            return ("a document of this program", "give it to the verb that reads it, as 'host show' reads a host snapshot");
        }

        return null;
    }
}
