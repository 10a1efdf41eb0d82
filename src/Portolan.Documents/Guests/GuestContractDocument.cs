using Portolan.Documents.Json;
using Portolan.Kvm.Guest;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Documents.Guests;

/// <summary>Guest contracts as documents of schema <c>portolan/guest-contract/1</c>.</summary>
public static class GuestContractDocument
{
    /// <summary>Reads a document; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    public static Reading<GuestContract> Read(string file, ReadOnlyMemory<byte> bytes)
        => DocumentReader.Read(file, bytes, DocumentKind.GuestContract, ReadFields, static (read, unknown) => read with { Extensions = unknown });

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(GuestContract contract)
    {
        ArgumentNullException.ThrowIfNull(contract);
        using DocumentWriter writer = new(DocumentKind.GuestContract, contract.Extensions);
        writer.Text("name", contract.Name);
        writer.Text("machineType", contract.MachineType);
        if (contract.Confidential is { } kind)
        {
            // Left out for an ordinary guest, so that its contract keeps the hash that it had before the field existed.
            writer.Text("confidential", kind);
        }

        writer.Number("tscKhz", contract.TscKhz);
        writer.Json.WriteBoolean("enlightenedVmcs", contract.EnlightenedVmcs);
        writer.Hex("guestPermission", contract.GuestPermission.Bits);
        WriteSettings(writer, contract.Settings);
        TableRows.WriteCpuid(writer, "cpuid", "/cpuid", contract.Cpuid);
        TableRows.WriteMsrs(writer, "featureMsrs", "/featureMsrs", contract.FeatureMsrs);
        return writer.Finish();
    }

    /// <summary>The content hash: SHA-256 over the canonical JSON of the contract without its name.</summary>
    public static string ContentHash(GuestContract contract)
    {
        ArgumentNullException.ThrowIfNull(contract);
        GuestContract facts = contract with { Name = null, Cpuid = Hosts.RuntimeCpuidBits.Without(contract.Cpuid) };
        Reading<JsonValue> written = JsonParser.Parse("-", Write(facts));
        return CanonicalJson.Hash(written.Value ?? throw new InvalidOperationException(written.ToString()));
    }

    private static GuestContract ReadFields(ObjectCursor root) => new()
    {
        Name = root.OptionalText("name"),
        MachineType = root.OptionalText("machineType"),
        Confidential = root.OptionalText("confidential"),
        TscKhz = root.OptionalUInt32("tscKhz"),
        EnlightenedVmcs = root.Flag("enlightenedVmcs"),
        GuestPermission = new XFeatureMask(root.Hex("guestPermission")),
        Settings = root.Required("settings") is { } settings ? ReadSettings(root.Enter(settings, "$.settings")) : VmSettings.Default,
        Cpuid = TableRows.ReadCpuid(root, root.Required("cpuid"), "$.cpuid", "/cpuid"),
        FeatureMsrs = MsrTable.From(
            TableRows.ReadMsrs(root, root.Required("featureMsrs"), "$.featureMsrs", "/featureMsrs").DistinctBy(static row => row.Index)),
    };

    private static VmSettings ReadSettings(ObjectCursor settings)
    {
        VmSettings read = new(
            settings.Hex("disabledQuirks"),
            settings.Hex("x2ApicApi"),
            settings.Flag("exceptionPayload"),
            settings.Flag("tripleFaultEvent"),
            settings.Flag("enforcePvFeatureCpuid"),
            settings.Flag("enforceHypervCpuid"));
        settings.Finish("/settings");
        return read;
    }

    private static void WriteSettings(DocumentWriter writer, VmSettings settings) => writer.Object("settings", "/settings", () =>
    {
        writer.Hex("disabledQuirks", settings.DisabledQuirks);
        writer.Hex("x2ApicApi", settings.X2ApicApi);
        writer.Json.WriteBoolean("exceptionPayload", settings.ExceptionPayload);
        writer.Json.WriteBoolean("tripleFaultEvent", settings.TripleFaultEvent);
        writer.Json.WriteBoolean("enforcePvFeatureCpuid", settings.EnforcePvFeatureCpuid);
        writer.Json.WriteBoolean("enforceHypervCpuid", settings.EnforceHypervCpuid);
    });
}
