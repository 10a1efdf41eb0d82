using System.Globalization;
using System.Text;
using System.Text.Json;
using Portolan.X86.Models;

namespace Portolan.Benchmarks;

/// <summary>
/// Files as hosts of today write them, for formats of which nothing that large is recorded: /proc/cpuinfo of a machine with many
/// processors, made of a recorded block; a node as <c>kubectl get node NAME -o json</c> prints it, with what every node has beside
/// KubeVirt's labels.
/// </summary>
public static class ImportInputs
{
    private const int Processors = 128;
    private const int Images = 50; // a kubelet lists at most 50 (nodeStatusMaxImages)
    private const string Digest = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

    /// <summary>The recorded block once for each of 128 processors, each with its own numbers and frequency.</summary>
    /// <param name="recorded">A recorded /proc/cpuinfo.</param>
    public static byte[] Cpuinfo(string recorded)
    {
        string block = recorded.Split("\n\n")[0];
        StringBuilder text = new();
        for (int number = 0; number < Processors; number++)
        {
            foreach (string line in block.Split('\n'))
            {
                string name = line.Split(':')[0].TrimEnd();
                text.Append(name switch
                {
                    "processor" or "apicid" or "initial apicid" => string.Create(CultureInfo.InvariantCulture, $"{line.Split(':')[0]}: {number}"),
                    "core id" => string.Create(CultureInfo.InvariantCulture, $"{line.Split(':')[0]}: {number / 2}"),
                    "cpu MHz" => string.Create(CultureInfo.InvariantCulture, $"{line.Split(':')[0]}: {2000 + number}.{number:D3}"),
                    _ => line,
                }).Append('\n');
            }

            text.Append('\n');
        }

        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>A node: labels for the features of libvirt's EPYC-Milan and for all of QEMU's models, conditions, addresses, images.</summary>
    public static byte[] Node()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, IndentSize = 4 }))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion", "v1");
            json.WriteString("kind", "Node");
            json.WriteStartObject("metadata");
            Texts(json, "annotations", [("csi.volume.kubernetes.io/nodeid", "{\"driver.example\":\"node-1\"}"), ("kubevirt.io/heartbeat", "2026-01-01T00:00:00Z"), ("kubevirt.io/ksm-handler-managed", "false"), ("volumes.kubernetes.io/controller-managed-attach-detach", "true")]);
            json.WriteString("creationTimestamp", "2026-01-01T00:00:00Z");
            Texts(json, "labels", Labels());
            json.WriteString("name", "node-1");
            json.WriteString("resourceVersion", "123456789");
            json.WriteString("uid", "00000000-0000-0000-0000-000000000000");
            json.WriteEndObject();
            Texts(json, "spec", [("podCIDR", "10.0.0.0/24"), ("providerID", "example://node-1")]);
            json.WriteStartObject("status");
            WriteStatus(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static IEnumerable<(string, string)> Labels()
    {
        const string Domain = ".node.kubevirt.io/";
        _ = CpuModelTable.TryFind(CpuModelOrigin.Libvirt, "EPYC-Milan", out CpuModel? milan);
        return
        [
            ("beta.kubernetes.io/arch", "amd64"),
            .. milan!.Features.Select(static feature => ($"cpu-feature{Domain}{feature}", "true")),
            .. CpuModelTable.Of(CpuModelOrigin.Qemu).Where(static model => model.Version == 1).Select(static model => ($"cpu-model{Domain}{model.Family}", "true")),
            .. CpuModelTable.Of(CpuModelOrigin.Qemu).Where(static model => model.Version == 1).Select(static model => ($"cpu-model-migration{Domain}{model.Family}", "true")),
            ($"cpu-timer{Domain}tsc-frequency", "2445426000"),
            ($"cpu-timer{Domain}tsc-scalable", "true"),
            ($"cpu-vendor{Domain}AMD", "true"),
            .. ((string[])["base", "frequencies", "ipi", "reenlightenment", "reset", "runtime", "synic", "synictimer", "time", "tlbflush", "vapic", "vpindex"]).Select(static name => ($"hyperv{Domain}{name}", "true")),
            ("kubernetes.io/hostname", "node-1"),
            ("kubevirt.io/schedulable", "true"),
            ("node-role.kubernetes.io/worker", ""),
        ];
    }

    private static void WriteStatus(Utf8JsonWriter json)
    {
        Texts(json, "allocatable", [("cpu", "127500m"), ("devices.kubevirt.io/kvm", "1k"), ("devices.kubevirt.io/tun", "1k"), ("memory", "515000Mi"), ("pods", "250")]);
        Texts(json, "capacity", [("cpu", "128"), ("devices.kubevirt.io/kvm", "1k"), ("devices.kubevirt.io/tun", "1k"), ("memory", "527000Mi"), ("pods", "250")]);
        json.WriteStartArray("conditions");
        foreach (string condition in (string[])["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"])
        {
            Texts(json, null, [("lastHeartbeatTime", "2026-01-01T00:00:00Z"), ("lastTransitionTime", "2026-01-01T00:00:00Z"), ("message", "kubelet says so"), ("reason", $"Kubelet{condition}"), ("status", condition == "Ready" ? "True" : "False"), ("type", condition)]);
        }

        json.WriteEndArray();
        json.WriteStartArray("images");
        for (int image = 0; image < Images; image++)
        {
            json.WriteStartObject();
            json.WriteStartArray("names");
            json.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"registry.example/project/image-{image}@sha256:{Digest}"));
            json.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"registry.example/project/image-{image}:v1.{image}"));
            json.WriteEndArray();
            json.WriteNumber("sizeBytes", 1_000_003L * (image + 1));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        Texts(json, "nodeInfo", [("architecture", "amd64"), ("bootID", "00000000-0000-0000-0000-000000000000"), ("kernelVersion", "6.1.0-28-amd64"), ("operatingSystem", "linux"), ("osImage", "Debian GNU/Linux 12 (bookworm)")]);
    }

    private static void Texts(Utf8JsonWriter json, string? name, IEnumerable<(string Name, string Value)> members)
    {
        if (name is null)
        {
            json.WriteStartObject();
        }
        else
        {
            json.WriteStartObject(name);
        }

        foreach ((string member, string value) in members)
        {
            json.WriteString(member, value);
        }

        json.WriteEndObject();
    }
}
