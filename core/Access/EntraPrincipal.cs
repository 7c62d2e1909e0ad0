namespace Serverless.Core.Access;

/// <summary>Somebody, or some program, of a Microsoft Entra directory.</summary>
/// <param name="Id">The object id, which stays whatever happens to names and addresses.</param>
public readonly record struct EntraPrincipal(Guid Tenant, Guid Id)
{
    /// <summary>Their name among the keys.</summary>
    public override string ToString() => $"entra-{Tenant:D}-{Id:D}";
}
