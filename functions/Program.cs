#if CLOUD
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Serverless.Cloud;
using Serverless.Core.Access;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Functions.Http;

// The platform as an Azure Functions app. Its settings are in infra/modules/functions.bicep. The triggers read ServiceBus__fullyQualifiedNamespace by themselves.
var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.AddPlatform()
    .AddSingleton(TimeProvider.System)
    .AddSingleton(new ApiLimits())
    .AddSingleton(new WebhookOptions())
    .AddSingleton(new SubmissionOptions { MachineClasses = Needed("EXP_MACHINES").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) })
    .AddSingleton(CloudConnections.Workspaces(Setting(CloudConnections.BlobConnection) ?? Needed(CloudConnections.BlobEndpoint)))
    .AddSingleton(CloudConnections.Bus(Needed(CloudConnections.ServiceBus)));
var app = builder.Build();
if (!await FirstKey.Ensure(app.Services.GetRequiredService<ApiKeys>(), Needed("EXP_WORKSPACE"), Setting(FirstKey.Setting)))
{
    app.Services.GetRequiredService<ILogger<Gate>>().LogWarning("nobody has a key: set {Setting} to the SHA-256 of one", FirstKey.Setting);
}

await app.RunAsync();

string? Setting(string name) => builder.Configuration[name] is { Length: > 0 } value ? value : null;

string Needed(string name) => Setting(name) ?? throw new InvalidOperationException($"the setting {name} is missing");
#endif
