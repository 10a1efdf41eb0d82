using Portolan.Documents;
using Portolan.Formats;
using Portolan.Formats.FirecrackerTemplate;
using Portolan.Formats.LibvirtDomain;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;

namespace Portolan.Fuzz;

/// <summary>Definitions of guests: read, and then made into a guest on a host, as <c>portolan guest define</c> does.</summary>
internal static class GuestFuzz
{
    private static readonly HostSnapshot Host = Hosts.Skx("6.12.117");

    /// <summary>The tests' own definitions whose names begin so.</summary>
    public static IReadOnlyList<byte[]> Seeds(string beginning) => FuzzSeeds.In("Portolan.Formats.Tests", "GuestSeeds", beginning);

    /// <summary>A domain's XML; a guest that the host would not start is an answer, too.</summary>
    public static InputFault? ParseDomain(byte[] bytes)
    {
        Reading<LibvirtDomainCpu> read = LibvirtDomainReader.Read(new ImportRequest("fuzz", bytes));
        return read.Ok ? Told(LibvirtDomainGuest.Define(read.Value, bytes.Length % 8 == 0 ? null : Host)) : read.Fault;
    }

    /// <summary>A custom CPU template of Firecracker.</summary>
    public static InputFault? ParseTemplate(byte[] bytes)
    {
        Reading<GuestDefinitionAnswer> read = FirecrackerTemplateReader.Define(new ImportRequest("fuzz", bytes), Host, new GuestRequest());
        return read.Ok ? Told(read.Value) : read.Fault;
    }

    private static InputFault? Told(GuestDefinitionAnswer answer)
        => answer.Contract is null ? new InputFault("fuzz", "a guest of this host", answer.Reason, "define it on another host") : null;
}
