using System.Collections.Immutable;
using System.Globalization;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Kvm.Guest.Qemu;
using Portolan.X86.Cpuid;
using Portolan.X86.Models;

namespace Portolan.Formats.QemuMonitor;

/// <summary>Asks a running QEMU over its QMP unix socket what its guest's CPU is. It changes nothing.</summary>
public static class QemuMonitorReader
{
    private const string TypeSuffix = "-machine";

    private static readonly string[] VersionParts = ["major", "minor", "micro"];

    private static readonly string[] Absent = ["0", "4294967295", "18446744073709551615", "-1"];

    /// <summary>Reads the guest; every wait together ends after <paramref name="patience"/>.</summary>
    public static Reading<MonitoredGuest> Read(string path, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(path);
        Reading<QmpConnection> opened = QmpConnection.Open(path, patience);
        if (!opened.Ok)
        {
            return Reading.Refused<MonitoredGuest>(opened.Fault);
        }

        using QmpConnection monitor = opened.Value;
        return new Questions(path, monitor).Ask();
    }

    private sealed class Questions(string path, QmpConnection monitor)
    {
        private InputFault? _fault;

        public Reading<MonitoredGuest> Ask()
        {
            JsonValue? version = Ask("query-version")?["qemu"];
            JsonValue? kvm = Ask("query-kvm");
            JsonValue? vcpus = Ask("query-cpus-fast");
            if (_fault is not null || version is null || vcpus is not { Items: [var first, ..] } || first["qom-path"]?.Text is not { } vcpu)
            {
                return Refuse("a QEMU with a vCPU", "none");
            }

            JsonValue? words = Get(vcpu, "feature-words");
            if (words is null)
            {
                return Refuse("a vCPU of an x86 QEMU", $"one without feature-words at {Printable.OneLine(vcpu)}");
            }

            string machine = Get("/machine", "type")?.Text ?? "";
            QemuRunningCpu cpu = new()
            {
                Words = Words(words),
                Features = On(vcpu),
                Settings = Settings(vcpu),
                Kvm = IsTrue(kvm?["enabled"]),
                MachineType = machine.EndsWith(TypeSuffix, StringComparison.Ordinal) ? machine[..^TypeSuffix.Length] : machine,
            };
            CpuidTable filtered = Get(vcpu, "filtered-features") is { } dropped ? Words(dropped) : CpuidTable.Empty;
            string[] unavailable = [.. Get(vcpu, "unavailable-features")?.Items.Select(item => item.Text) ?? []];
            string release = string.Join('.', VersionParts.Select(part => version[part]?.Text ?? "0"));
            string type = Get(vcpu, "type")?.Text ?? "";
            return _fault is null
                ? Reading.Of(new MonitoredGuest(release, type, cpu, filtered, [.. unavailable.Order(StringComparer.Ordinal)], vcpus.Items.Count))
                : Reading.Refused<MonitoredGuest>(_fault);
        }

        private Reading<MonitoredGuest> Refuse(string expected, string found)
            => Reading.Refused<MonitoredGuest>(_fault ?? new InputFault(path, expected, found, "give the monitor of a running x86 guest"));

        private JsonValue? Ask(string order)
        {
            Reading<JsonValue> answer = _fault is null ? monitor.Ask(order) : Reading.Refused<JsonValue>(_fault);
            _fault = answer.Fault;
            return answer.Value;
        }

        /// <summary>A property; null where this QEMU has none of that name.</summary>
        private JsonValue? Get(string at, string property) => _fault is null ? monitor.Ask("qom-get", ("path", at), ("property", property)).Value : null;

        /// <summary>The MSR, VMX and Hyper-V features that are on: of those no feature word tells.</summary>
        private ImmutableSortedSet<string> On(string vcpu)
            => [.. QemuCpuFacts.Properties
                .Where(property => property.Kind == QemuPropertyKind.Enlightenment || (property.Kind == QemuPropertyKind.Feature && property.Cpuid.IsEmpty))
                .Where(property => IsTrue(Get(vcpu, property.Name))).Select(property => property.Name)];

        private ImmutableSortedDictionary<string, string> Settings(string vcpu)
        {
            ImmutableSortedDictionary<string, string>.Builder settings = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
            foreach (QemuProperty property in QemuCpuFacts.Properties.Where(property => IsTold(property)))
            {
                if (Get(vcpu, property.Name) is not { } value)
                {
                    continue;
                }

                string text = value.Kind != JsonKind.Boolean ? value.Text : IsTrue(value) ? "on" : "off";
                bool isDefault = property.Kind == QemuPropertyKind.Number && property.Concerns is not ("identity" or "levels") && Absent.Contains(text);
                if (!isDefault && !(property.Name == "hv-vendor-id" && text.Length == 0))
                {
                    settings[property.Name] = text;
                }
            }

            return settings.ToImmutable();
        }

        /// <summary>The TSC's frequency is what KVM runs it at, fixed or not, and says nothing here; lower bounds of levels neither.</summary>
        private static bool IsTold(QemuProperty property)
            => property.Kind is QemuPropertyKind.Number or QemuPropertyKind.Text or QemuPropertyKind.Switch
                && property.Concerns is "identity" or "levels" or "width" or "hyperv" or "hypervisor" or "setting" or "pmu"
                && !property.Name.StartsWith("min-", StringComparison.Ordinal) && property.Name is not ("host-phys-bits" or "host-phys-bits-limit");

        private static CpuidTable Words(JsonValue words)
        {
            CpuidTable table = CpuidTable.Empty;
            foreach (JsonValue word in words.Items)
            {
                if (Number(word["cpuid-input-eax"]) is { } leaf && Number(word["features"]) is { } bits
                    && Enum.TryParse(word["cpuid-register"]?.Text, ignoreCase: true, out CpuidRegister register))
                {
                    uint subleaf = Number(word["cpuid-input-ecx"]) ?? 0;
                    CpuidAddress at = new(leaf, subleaf);
                    table = table.Contains(at) ? table : table.With(new CpuidEntry(at, CpuidLeaves.SubleafIsSignificant(leaf), default));
                    table = table.With(leaf, subleaf, table.GetOrZero(leaf, subleaf).With(register, bits));
                }
            }

            return table;
        }

        private static bool IsTrue(JsonValue? value) => value is { Kind: JsonKind.Boolean, Text: "true" };

        private static uint? Number(JsonValue? value)
            => uint.TryParse(value?.Text, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number : null;
    }
}
