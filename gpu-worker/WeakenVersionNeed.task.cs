using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies a 64-bit little-endian ELF library and marks its needs for one symbol version as weak: in each section of type SHT_GNU_verneed, the entry
/// (Elf64_Vernaux) with that name gets <c>vna_flags |= VER_FLG_WEAK</c>. Everything else stays as it was. A library that does not need the version is
/// copied as it is. Layout: the ELF-64 object file format, and the chapter on symbol versioning of the Linux Standard Base.
/// Compiled by the build itself (LibStdCxx.targets), against .NET Standard 2.0.
/// </summary>
public class WeakenVersionNeed : Task
{
    private const uint VerNeedSection = 0x6ffffffe;
    private const byte Weak = 2;

    [Required]
    public string Source { get; set; }

    [Required]
    public string Destination { get; set; }

    [Required]
    public string Version { get; set; }

    public override bool Execute()
    {
        try
        {
            var bytes = File.ReadAllBytes(Source);
            Mark(bytes);
            Directory.CreateDirectory(Path.GetDirectoryName(Destination));
            // Beside and renamed: a build that is interrupted, or runs beside another, leaves no half file.
            var partial = Destination + "." + System.Diagnostics.Process.GetCurrentProcess().Id + ".tmp";
            File.WriteAllBytes(partial, bytes);
            if (File.Exists(Destination)) File.Delete(Destination);
            File.Move(partial, Destination);
            return true;
        }
        catch (Exception e) when (e is IOException || e is UnauthorizedAccessException || e is ArgumentException)
        {
            Log.LogError("{0}: {1}", Source, e.Message);
            return false;
        }
    }

    private void Mark(byte[] elf)
    {
        if (elf.Length < 64 || elf[0] != 0x7f || elf[1] != 'E' || elf[2] != 'L' || elf[3] != 'F' || elf[4] != 2 || elf[5] != 1)
            throw new InvalidDataException("not a 64-bit little-endian ELF file");
        var sections = (int)BitConverter.ToUInt64(elf, 0x28);
        var sectionBytes = BitConverter.ToUInt16(elf, 0x3a);
        var sectionCount = BitConverter.ToUInt16(elf, 0x3c);
        for (var i = 0; i < sectionCount; i++)
        {
            var section = sections + i * sectionBytes;
            if (BitConverter.ToUInt32(elf, section + 4) != VerNeedSection) continue;
            var names = sections + (int)BitConverter.ToUInt32(elf, section + 0x28) * sectionBytes;
            MarkSection(elf, need: Offset(elf, section), strings: Offset(elf, names));
        }
    }

    private void MarkSection(byte[] elf, int need, int strings)
    {
        // Elf64_Verneed: u16 version, u16 entries, u32 file, u32 offset of the first entry, u32 offset of the next.
        for (uint next = 1; next != 0; need += (int)(next = BitConverter.ToUInt32(elf, need + 12)))
        {
            // Elf64_Vernaux: u32 hash, u16 flags, u16 index, u32 name, u32 offset of the next.
            var entry = need + (int)BitConverter.ToUInt32(elf, need + 8);
            for (uint step = 1; step != 0; entry += (int)(step = BitConverter.ToUInt32(elf, entry + 12)))
            {
                var name = strings + (int)BitConverter.ToUInt32(elf, entry + 8);
                if (Encoding.ASCII.GetString(elf, name, Array.IndexOf(elf, (byte)0, name) - name) == Version) elf[entry + 4] |= Weak;
            }
        }
    }

    private static int Offset(byte[] elf, int section)
    {
        return (int)BitConverter.ToUInt64(elf, section + 0x18);
    }
}
